#include "capture/horizon/ordered_commits.h"

#include <algorithm>
#include <array>

#include "engine/model/calendar.h"
#include "engine/model/stamp.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

using Kind = StampForm::Kind;
using Scan = StampForms::Scan;
using std::chrono::steady_clock;

// Microseconds since 2000-01-01 UTC.
constexpr char kFileClockSql[] =
    "SELECT CAST((julianday('now') - 2451544.5) * 86400000 AS INTEGER) * 1000";

// Offsets from UTC are less than 16 hours, and the looks for another form less than 2 hours apart.
constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kOffsetMaxUs = 16 * kHourUs;
constexpr int64_t kLooksApartUs = 2 * kHourUs;
// A look for another form may take one part in so many.
constexpr int kLookShare = 50;

constexpr uint64_t kSampleRows = 1000;

// The numbers of a unit begin at the bound and end where those of the next unit begin.
struct UnitRange {
  Kind kind;
  sql::Sql end;  // empty: none
};

sql::Sql Literal(const CapturePlan& table, const Value& value) {
  return sql::Literal(value, table.schema->dialect);
}

sql::Sql FormColumn(const CapturePlan& table) {
  return sql::Format("syncline_form({})", table.cursor_sql());
}

sql::Sql Where(const sql::Sql& condition) {
  return condition.empty() ? sql::Sql() : " WHERE " + condition;
}

}  // namespace

Value TakeOff(const Value& seen, Microseconds margin) {
  const std::optional<Stamp> stamp = ReadStamp(seen);
  if (!stamp || stamp->form.kind == Kind::kFar) return seen;
  Value earlier = WriteStamp(stamp->form, stamp->us - margin.count());
  return earlier.is_null() ? seen : earlier;
}

sql::Sql WindowFrom(const sql::Sql& cursor, int64_t bound_us, Dialect dialect) {
  static const std::array<UnitRange, 6> kUnits = {{{Kind::kJulianDay, "2524593.5"},
                                                   {Kind::kCalendar, "21991232"},
                                                   {Kind::kSeconds, "100000000000"},
                                                   {Kind::kMilliseconds, "100000000000000"},
                                                   {Kind::kMicroseconds, "100000000000000000"},
                                                   {Kind::kNanoseconds, ""}}};
  const StampForm day{.kind = Kind::kDay};
  const Value text = WriteStamp(day, bound_us - kOffsetMaxUs);
  if (text.is_null()) return sql::Format("{} IS NOT NULL", cursor);
  // Unix times as texts begin with a 1 until 2033.
  std::vector<sql::Sql> terms{sql::Format("{} >= {}", cursor, sql::Literal(text, dialect)),
                              sql::Format("({0} >= '1' AND {0} < '2')", cursor)};
  for (const auto& [kind, end] : kUnits) {
    const Value number = WriteStamp({.kind = kind}, bound_us);
    terms.push_back(end.empty() ? sql::Format("({0} >= {1} AND {0} < '')", cursor,
                                              sql::Literal(number, dialect))
                                : sql::Format("({0} >= {1} AND {0} < {2})", cursor,
                                              sql::Literal(number, dialect), end));
  }
  return sql::Format("({})", sql::Join(terms, " OR "));
}

sql::Sql StraysBefore(const sql::Sql& cursor) {
  return sql::Format(
      "({0} < 1000000 OR ({0} >= '' AND {0} < '19') OR ({0} >= '2' AND {0} < '200'))", cursor);
}

void OrderedCommits::Anchor(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) {
  ReadClock();
  for (const CapturePlan& table : tables) SampleForms(table, cursor.tables[table.schema->table]);
  RememberHighest(session_, tables, *this, cursor);
}

void OrderedCommits::ReadClock() {
  clock_us_ = std::stoll(session_.Query(kFileClockSql).rows.at(0).at(0).value());
}

bool OrderedCommits::Changed() {
  ReadClock();
  looked_at_ = session_.Query("PRAGMA data_version").rows.at(0).at(0).value();
  if (polled_at_ != looked_at_) return true;
  // What the last poll did not look for may be there.
  return std::ranges::any_of(
      looks_, [](const auto& entry) { return entry.second.owed && entry.second.IsDue(); });
}

bool OrderedCommits::FormLook::IsDue() const {
  return steady_clock::now() - ended >= kLookShare * took;
}

void OrderedCommits::Enter(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) {
  polled_at_ = looked_at_;
  strays_.clear();
  TickLedger& ledger = cursor.ticks;
  const bool set_back = ledger.last != 0 && clock_us_ < ledger.ticks.at(ledger.last).clock_us;
  for (const CapturePlan& table : tables) {
    CaptureCursor::Table& state = cursor.tables[table.schema->table];
    if (state.seen.is_null()) {
      SampleForms(table, state);
      continue;
    }
    if (state.forms.empty()) LearnForms(table, state);
    // Stamps made since the clock was set back can lie below what was seen, nobody knows how far.
    if (set_back && BoundOf(state)) state.seen = Value();
    LookForAnotherForm(table, state);
  }
  ledger.ticks = {{++ledger.last, Tick{clock_us_, {}}}};
}

// Of a table that is about to be read whole: its first row is not to decide what the others are.
void OrderedCommits::SampleForms(const CapturePlan& table, CaptureCursor::Table& state) {
  if (table.cursor_kind != CursorKind::kStored || !state.forms.empty()) return;
  const auto found = session_.Query(
      sql::Format("SELECT form, count(*) FROM (SELECT {} AS form FROM {}{} LIMIT {}) GROUP BY form",
                  FormColumn(table), table.from(), Where(table.where), kSampleRows));
  std::vector<std::pair<StampForm, uint64_t>> counts;
  for (const auto& row : found.rows) {
    const std::optional<StampForm> form = StampFormNamed(row.at(0).value_or(""));
    if (form) counts.emplace_back(*form, std::stoull(row.at(1).value()));
  }
  state.forms = StampForms::OfSample(counts);
}

// Of a table that was loaded by an earlier version.
void OrderedCommits::LearnForms(const CapturePlan& table, CaptureCursor::Table& state) {
  if (looks_.contains(table.schema->table)) return;
  const auto found =
      session_.Query(sql::Format("SELECT DISTINCT {} FROM {}{}", FormColumn(table),
                                 sql::Quote(table.schema->table), Where(table.where)));
  for (const auto& row : found.rows) {
    const std::optional<StampForm> form = StampFormNamed(row.at(0).value_or(""));
    if (form && state.forms.AddForm(*form)) state.seen = Value();
  }
}

// What a range of the index would pass over, if it has another form: as stored, it stands before
// the place where the range begins. A text that is no time says nothing of where times may stand.
sql::Sql OrderedCommits::PassedOver(const CapturePlan& table, const CaptureCursor::Table& state,
                                    std::optional<int64_t> from) const {
  // The plus keeps the database from looking through all that stands before.
  const sql::Sql before =
      sql::Format("+{} < {}", table.cursor_sql(), Literal(table, RangeStart(state)));
  if (!from) return before;
  return And(sql::Format("({} OR {})", WindowFrom(table.cursor_sql(), *from, table.schema->dialect),
                         StraysBefore(table.cursor_sql())),
             before);
}

// Numbers that are no moments are a counter's, and other forms are stored behind them.
void OrderedCommits::LookForAnotherForm(const CapturePlan& table, CaptureCursor::Table& state) {
  const std::optional<int64_t> bound = BoundOf(state);
  const bool may_pass_over = bound || FormOf(state.seen).kind == Kind::kText;
  if (!may_pass_over || state.forms.scan() != Scan::kRange) return;
  const auto [known, is_first] = looks_.try_emplace(table.schema->table);
  FormLook& look = known->second;
  look.owed = !is_first && !look.IsDue();
  if (look.owed) return;
  const auto began = steady_clock::now();
  std::optional<int64_t> from;
  if (bound) from = is_first ? *bound - kLooksApartUs : std::min(look.bound_us, *bound);
  std::vector<sql::Sql> same{"'zero'"};
  for (const std::string& name : state.forms.names()) {
    same.push_back(sql::TextLiteral(name, table.schema->dialect));
  }
  const sql::Sql passed = PassedOver(table, state, from);
  const sql::Sql others =
      sql::Format("{} AND {} NOT IN ({})", passed, FormColumn(table), sql::Join(same, ", "));
  const auto found =
      session_.Query(sql::Format("SELECT DISTINCT {} FROM {}{}", FormColumn(table),
                                 sql::Quote(table.schema->table), Where(And(table.where, others))));
  look = {.ended = steady_clock::now(),
          .took = steady_clock::now() - began,
          .bound_us = bound.value_or(0)};
  for (const auto& row : found.rows) {
    const std::optional<StampForm> form = StampFormNamed(row.at(0).value_or(""));
    if (form && state.forms.Refuses(*form)) {
      strays_[table.schema->table] =
          sql::Format("{} AND syncline_moment({}) IS NULL", passed, table.cursor_sql());
    } else if (form && state.forms.AddForm(*form)) {
      state.seen = Value();  // what has been passed over so far is read once
    }
  }
}

bool OrderedCommits::Trusts(const CaptureCursor::Table& state, const Value& cursor_value) const {
  if (!state.forms.are_moments()) return true;
  if (state.forms.Refuses(FormOf(cursor_value))) return false;
  const std::optional<int64_t> us = StampOf(cursor_value);
  return us ? *us <= clock_us_ : state.forms.scan() == Scan::kRange;
}

// What was seen as a moment, less the margin; nothing where it is none.
std::optional<int64_t> OrderedCommits::BoundOf(const CaptureCursor::Table& state) const {
  if (!state.forms.are_moments()) return std::nullopt;
  const std::optional<int64_t> us = StampOf(state.seen);
  return us ? std::optional(*us - margin_.count()) : std::nullopt;
}

Value OrderedCommits::RangeStart(const CaptureCursor::Table& state) const {
  return BoundOf(state) ? TakeOff(state.seen, margin_) : state.seen;
}

// Of numbers that are given once: the highest one that was seen is not new.
bool OrderedCommits::MayBeNew(const CapturePlan& table, const CaptureCursor& cursor,
                              const Value& cursor_value) const {
  const Value& seen = cursor.tables.at(table.schema->table).seen;
  return seen.is_null() || CompareValues(cursor_value, seen) > 0;
}

sql::Sql OrderedCommits::Condition(const CapturePlan& table, const CaptureCursor& cursor) const {
  const CaptureCursor::Table& state = cursor.tables.at(table.schema->table);
  if (state.seen.is_null()) return "";
  if (state.forms.scan() == Scan::kRange) {
    const sql::Sql range =
        sql::Format("{} >= {}", table.cursor_sql(), Literal(table, RangeStart(state)));
    const auto strays = strays_.find(table.schema->table);
    return strays == strays_.end() ? range : sql::Format("({} OR ({}))", range, strays->second);
  }
  const std::optional<int64_t> bound = BoundOf(state);
  if (!bound) return "";
  // What is no moment may be as new as anything.
  const sql::Sql moment = sql::Format("syncline_moment({})", table.cursor_sql());
  const sql::Sql is_new = sql::Format("({0} >= {1} OR {0} IS NULL)", moment,
                                      Literal(table, Value(ValueView::Int(*bound))));
  if (state.forms.scan() == Scan::kAll) return is_new;
  return And(
      sql::Format("({} OR {})", WindowFrom(table.cursor_sql(), *bound, table.schema->dialect),
                  StraysBefore(table.cursor_sql())),
      is_new);
}

}  // namespace syncline::capture
