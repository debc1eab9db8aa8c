// Stamps in every form, ordered by an independent library, by the model, in SQLite and in
// PostgreSQL.

#include <date/date.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "engine/model/stamp.h"
#include "engine/model/value_text.h"
#include "engine/sql/session.h"
#include "tests/engine/sql/session_fixture.h"

namespace syncline::sql {
namespace {

using namespace std::chrono_literals;
using Moment = date::sys_time<std::chrono::microseconds>;
using Random = std::mt19937_64;

constexpr size_t kPairs = 4000;

// A stamp as somebody may have stored it, and the moment that it stands for, by the library.
struct StampSample {
  Value value;
  Moment moment;
};

int64_t Any(Random& random, int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(random);
}

template <typename Duration>
Moment Floor(Moment moment) {
  return date::floor<Duration>(moment);
}

StampSample IsoText(Random& random, Moment moment) {
  static const std::vector<std::string> kZones = {"",       "Z",      "+00",    "+02:00",
                                                  "-05:00", "+0530",  "+09",    "-11:30",
                                                  "+14:00", "-12:00", "+15:59", "-15:59"};
  const std::string zone = kZones[static_cast<size_t>(Any(random, 0, kZones.size() - 1))];
  std::chrono::minutes offset{0};
  if (zone.size() > 1) {
    const int hours = std::stoi(zone.substr(1, 2));
    const int minutes = zone.size() > 3 ? std::stoi(zone.substr(zone.size() - 2)) : 0;
    offset = std::chrono::minutes(hours * 60 + minutes) * (zone[0] == '-' ? -1 : 1);
  }
  const std::string separator = Any(random, 0, 1) == 0 ? "T" : " ";
  if (Any(random, 0, 9) == 0) {
    moment = Floor<date::days>(moment);
    return {Value(ValueView::Text(date::format("%F", moment))), moment};
  }
  if (Any(random, 0, 9) == 0) {
    moment = Floor<std::chrono::minutes>(moment);
    const std::string text = date::format("%F" + separator + "%H:%M", moment + offset) + zone;
    return {Value(ValueView::Text(text)), moment};
  }
  const auto digits = static_cast<size_t>(Any(random, 0, 9));
  if (digits == 0) moment = Floor<std::chrono::seconds>(moment);
  int64_t unit = 1;
  for (size_t i = digits; i < 6 && digits > 0; ++i) unit *= 10;
  moment = Moment(moment.time_since_epoch() / unit * unit);
  const auto whole = Floor<std::chrono::seconds>(moment);
  std::string text =
      date::format("%F" + separator + "%T", date::floor<std::chrono::seconds>(moment + offset));
  if (digits > 0) {
    const std::string fraction = fmt::format("{:06}000", (moment - whole).count());
    text += "." + fraction.substr(0, digits);
  }
  return {Value(ValueView::Text(text + zone)), moment};
}

template <typename Duration>
StampSample UnixTime(Moment moment, bool as_text) {
  const auto count = date::floor<Duration>(moment).time_since_epoch().count();
  const ValueView number = ValueView::Int(count);
  return {as_text ? Value(ValueView::Text(ToText(number))) : Value(number),
          Floor<Duration>(moment)};
}

StampSample CalendarNumber(Moment moment, bool as_text) {
  const std::string text = date::format("%Y%m%d", moment);
  return {as_text ? Value(ValueView::Text(text)) : Value(ValueView::Int(std::stoll(text))),
          Floor<date::days>(moment)};
}

StampSample JulianDay(Moment moment) {
  moment = Floor<std::chrono::milliseconds>(moment);
  const double days =
      std::chrono::duration<double, date::days::period>(moment.time_since_epoch()).count();
  return {Value(ValueView::Double(days + 2440587.5)), moment};
}

StampSample RealSeconds(Moment moment) {
  moment = Floor<std::chrono::milliseconds>(moment);
  return {
      Value(ValueView::Double(std::chrono::duration<double>(moment.time_since_epoch()).count())),
      moment};
}

StampSample InSomeForm(Random& random, Moment moment) {
  const bool as_text = Any(random, 0, 3) == 0;
  switch (Any(random, 0, 11)) {
    case 0:
      return UnixTime<std::chrono::seconds>(moment, as_text);
    case 1:
      return UnixTime<std::chrono::milliseconds>(moment, as_text);
    case 2:
      return UnixTime<std::chrono::microseconds>(moment, as_text);
    case 3:
      return CalendarNumber(moment, as_text);
    case 4:
      return JulianDay(moment);
    case 5:
      return RealSeconds(moment);
    default:
      return IsoText(random, moment);
  }
}

// The second is close to the first, so that forms and not years decide.
std::pair<StampSample, StampSample> SomePair(Random& random) {
  constexpr std::chrono::microseconds kApart[] = {0us, 1us, 1ms, 999ms, 1s, 59s, 1h, 9h, 24h};
  const Moment from = date::sys_days{date::year{1976} / 1 / 1};
  const Moment first = from + std::chrono::microseconds(Any(random, 0, 4'000'000'000'000'000));
  const auto apart = kApart[Any(random, 0, std::size(kApart) - 1)];
  const Moment second = first + apart * (Any(random, 0, 1) == 0 ? 1 : -1);
  return {InSomeForm(random, first), InSomeForm(random, second)};
}

std::string Sign(std::strong_ordering order) {
  return order < 0 ? "less" : order > 0 ? "greater" : "equal";
}

class StampOrderTest : public SessionTest {
 protected:
  StampOrderTest() {
    const uint64_t seed = std::random_device()();
    RecordProperty("seed", std::to_string(seed));
    Random random(seed);
    for (size_t i = 0; i < kPairs; ++i) pairs_.push_back(SomePair(random));
    for (const auto& [a, b] : pairs_) {
      rows_.push_back(
          MakeRow({ValueView::Int(static_cast<int64_t>(rows_.size())), a.value, b.value}));
      expected_.push_back(Sign(a.moment <=> b.moment));
    }
  }

  // `order`: of each pair, by its number.
  void ExpectOrder(Session& session, const Sql& order) {
    const ResultSet result = session.Query(order);
    ASSERT_EQ(result.rows.size(), kPairs);
    for (size_t i = 0; i < kPairs; ++i) {
      EXPECT_EQ(result.rows[i][0].value_or("none"), expected_[i])
          << ToText(pairs_[i].first.value) << " and " << ToText(pairs_[i].second.value);
    }
  }

  std::vector<std::pair<StampSample, StampSample>> pairs_;
  std::vector<Row> rows_;
  std::vector<std::string> expected_;
};

// Seen to fail when texts are compared as texts, and when a fraction, an offset or the size of a
// number is read in another way.
TEST_F(StampOrderTest, TheModelOrdersAsTheLibraryDoes) {
  for (size_t i = 0; i < kPairs; ++i) {
    const auto& [a, b] = pairs_[i];
    const std::partial_ordering order = CompareStamps(a.value, b.value);
    const std::string sign = order < 0 ? "less" : order > 0 ? "greater" : order == 0 ? "equal" : "";
    EXPECT_EQ(sign, expected_[i]) << ToText(a.value) << " and " << ToText(b.value);
  }
}

TEST_F(StampOrderTest, SqliteOrdersAsTheLibraryDoes) {
  const auto session = OpenSqlite();
  session->Execute("CREATE TABLE pairs (n INTEGER PRIMARY KEY, a, b)");
  Transaction transaction(*session, Session::Isolation::kWrite);
  session->LoadRows({"", "pairs"}, {"n", "a", "b"}, Pointers(rows_));
  transaction.Commit();
  ExpectOrder(
      *session,
      "SELECT CASE WHEN x < y THEN 'less' WHEN x > y THEN 'greater' WHEN x = y THEN 'equal' "
      "END FROM (SELECT n, syncline_moment(a) AS x, syncline_moment(b) AS y FROM pairs) "
      "ORDER BY n");
}

TEST_F(StampOrderTest, PostgresOrdersAsTheLibraryDoes) {
  const auto session = OpenPostgres();
  session->Execute("CREATE TABLE public.pairs (n int, a timestamptz, b timestamptz)");
  session->LoadRows({"public", "pairs"}, {"n", "a", "b"}, Pointers(rows_));
  ExpectOrder(
      *session,
      "SELECT CASE WHEN a < b THEN 'less' WHEN a > b THEN 'greater' WHEN a = b THEN 'equal' "
      "END FROM public.pairs ORDER BY n");
}

// What the server itself reads in a text of ISO form.
TEST_F(StampOrderTest, TheServerReadsTextsAsWeDo) {
  const auto session = OpenPostgres();
  session->Execute("CREATE TABLE public.texts (n int, t text, at timestamptz)");
  std::vector<Row> texts;
  for (const auto& [a, b] : pairs_) {
    if (!FormOf(a.value).is_iso()) continue;
    texts.push_back(MakeRow({ValueView::Int(0), a.value, a.value}));
  }
  ASSERT_GT(texts.size(), kPairs / 4);
  session->LoadRows({"public", "texts"}, {"n", "t", "at"}, Pointers(texts));
  const ResultSet differing =
      session->Query("SELECT t, at FROM public.texts WHERE t::timestamptz <> at");
  for (const auto& row : differing.rows) ADD_FAILURE() << *row[0] << " became " << *row[1];
}

}  // namespace
}  // namespace syncline::sql
