#include "capture/polling/reconciliation.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "capture/polling/range_reader.h"
#include "engine/base/error.h"
#include "engine/model/calendar.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::capture {
namespace {

constexpr uint64_t kRangeRows = 5'000;
// Of a range that is not as the log has it: what is asked for key by key costs several times what
// its sum costs, and travels.
constexpr uint64_t kPartRows = 320;
// Keys of rows that are gone, kept in memory until a round is through.
constexpr size_t kHeldKeys = 50'000;

bool IsMoment(Type type) { return type == Type::kTimestamp || type == Type::kTimestampTz; }

bool IsHashed(Type type) {
  return type == Type::kInt || type == Type::kUuid || type == Type::kDate || IsMoment(type);
}

// What a row is recognised by.
struct Hashed {
  Type type;
  sql::Sql sql;
};
// From the source's clock, which counts from 2000.
WallTime WallTimeOf(int64_t clock_us) {
  return WallTime(Microseconds(clock_us + kDaysTo2000 * kMicrosecondsPerDay));
}

// What is hashed of a value, as the server writes it and as we do.
sql::Sql TextSql(const Hashed& value) {
  const sql::Sql& name = value.sql;
  if (value.type == Type::kDate) {
    return sql::Format(
        "CASE WHEN isfinite({0}) THEN ({0} - '2000-01-01'::date)::text ELSE "
        "{0}::text END",
        name);
  }
  if (!IsMoment(value.type)) return name + "::text";
  // Microseconds since 2000. Where the server rounds them, in the last of all years, sums differ
  // and keys are asked for one by one.
  return sql::Format(
      "CASE WHEN isfinite({0}) THEN trunc((extract(epoch FROM {0}) - 946684800) * "
      "1000000)::text ELSE {0}::text END",
      name);
}

std::string HashedText(ValueView value) {
  if (value.is_null()) return "";
  const bool is_time = value.type() == Type::kDate || IsMoment(value.type());
  const int64_t number = is_time ? value.as_int() : 0;
  if (!is_time || number == kNegativeInfinity || number == kPositiveInfinity) return ToText(value);
  return std::to_string(number);
}

// The first two words of a text's MD5.
std::array<uint64_t, 2> Hash(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr) != 1) {
    throw EnvironmentError("this machine's OpenSSL refuses to compute MD5",
                           "choose another way under deletes:, or let OpenSSL do without FIPS");
  }
  std::array<uint64_t, 2> words{};
  for (size_t i = 0; i < 8; ++i) words[i / 4] = words[i / 4] << 8 | digest[i];
  return words;
}

// Its key, then its cursor, which may be none.
std::vector<Hashed> HashedParts(const CapturePlan& table) {
  const TableSchema& schema = *table.schema;
  std::vector<Hashed> parts;
  for (const uint32_t key : schema.key) {
    parts.push_back({schema.columns[key].type, sql::Quote(schema.columns[key].name)});
  }
  if (schema.has_cursor()) {
    parts.push_back({schema.columns[schema.cursor].type, table.cursor_sql()});
  } else {
    parts.push_back({Type::kInt, "''"});
  }
  return parts;
}

sql::Sql RangeSql(const CapturePlan& table, const std::optional<Row>& after, const Row* last) {
  return And(after ? KeyIs(table, sql::Comparison::kGreater, *after) : sql::Sql(),
             last ? KeyIs(table, sql::Comparison::kLessEqual, *last) : sql::Sql());
}

// One row for a key that is there: whether it has that version, or true where rows have none. A row
// whose cursor was set to NULL is there, too. The parameters: AskedFor.
sql::Sql ProbeSql(const CapturePlan& table) {
  sql::Sql same;
  size_t number = 0;
  for (const std::string& column : table.key_columns()) {
    const sql::Sql equal = table.key_equal(number);
    same = And(same, sql::Format("{} {} ${}", sql::Quote(column), equal, ++number));
  }
  const sql::SqlDialect& words = sql::DialectOf(table.schema->dialect);
  const sql::Sql is_same = table.schema->has_cursor()
                               ? words.IsSame(table.cursor_sql(), sql::Format("${}", number + 1))
                               : sql::Sql("1 = 1");
  return sql::Format("SELECT {} FROM {} WHERE {}", is_same, table.from(), And(same, table.set));
}

Row AskedFor(const CapturePlan& table, Row key, ValueView version) {
  if (table.schema->has_cursor()) key.Append(version);
  return key;
}

bool IsTrue(const std::optional<std::string>& flag) { return flag == "t" || flag == "1"; }

}  // namespace

bool KeyIsHashed(const CapturePlan& table) {
  const bool can_hash =
      sql::ForDialect(table.schema->dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  return can_hash && std::ranges::all_of(HashedParts(table),
                                         [](const Hashed& part) { return IsHashed(part.type); });
}

std::string SumUp(std::span<const LoggedKey> keys) {
  std::array<uint64_t, 2> sums{};
  for (const LoggedKey& row : keys) {
    std::string text;
    for (const ValueView value : row.key) text += HashedText(value) + "|";
    const auto words = Hash(text + HashedText(row.version));
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += words[i];
  }
  return fmt::format("{}|{}|{}", keys.size(), sums[0], sums[1]);
}

sql::Sql SumUpSql(const CapturePlan& table, const sql::Sql& condition) {
  std::vector<sql::Sql> texts;
  for (const Hashed& part : HashedParts(table)) texts.push_back(TextSql(part));
  const sql::Sql where = And(table.where, condition);
  // With OFFSET 0 each row is hashed once, and not once for each sum.
  return sql::Format(
      "SELECT count(*), coalesce(sum(('x' || substr(h, 1, 8))::bit(32)::bigint), 0), "
      "coalesce(sum(('x' || substr(h, 9, 8))::bit(32)::bigint), 0) "
      "FROM (SELECT md5({}) AS h FROM {}{}{} OFFSET 0) AS hashes",
      sql::Join(texts, " || '|' || "), table.from(),
      where.empty() ? sql::Sql() : sql::Sql(" WHERE "), where);
}

bool Reconciliation::IsDue(const CapturePlan& table, int64_t clock_us) const {
  const CaptureCursor::Table& state = parts_.cursor.tables.at(table.schema->table);
  if (!table.reconcile && !state.owes_deletions) return false;
  const Deletes::Reconcile times = table.reconcile.value_or(Deletes::Reconcile());
  int64_t begun_us = 0;
  if (const auto refused = refused_.find(table.schema->table); refused != refused_.end()) {
    begun_us = refused->second.at_us;
  } else if (!state.reconciled || state.reconciled->under_way) {
    return true;
  } else {
    begun_us = state.reconciled->begun_us;
  }
  if (times.at) {
    const auto next = times.at->Next(WallTimeOf(begun_us));
    return next && *next <= WallTimeOf(clock_us);
  }
  return clock_us < begun_us || clock_us - begun_us >= times.every.count();
}

std::optional<Error> Reconciliation::refused() const {
  if (refused_.empty()) return {};
  return refused_.begin()->second.error;
}

uint64_t Reconciliation::RowsPerPoll(const CapturePlan& table, bool at_once) const {
  if (at_once || !table.reconcile) return UINT64_MAX;
  const auto us = static_cast<uint64_t>(std::max<int64_t>(options_.every.least.count(), 1));
  return std::max<uint64_t>(table.reconcile->rate * us / 1'000'000, 1);
}

// Goes on with a round, or begins one. With `once`, the caller waits for all keys as of now.
Reconciliation::Round& Reconciliation::Begin(const CapturePlan& table, int64_t clock_us,
                                             CaptureCursor::Table& state) {
  auto& place = state.reconciled;
  const TableName& name = table.schema->table;
  // A place without a count is an earlier build's.
  const bool goes_on = place && place->under_way && !options_.once && !state.owes_deletions &&
                       table.method() != CaptureMethod::kCompare &&
                       (!place->after || place->rows != 0);
  if (!goes_on) {
    place = {.begun_us = clock_us, .under_way = true};
    return rounds_[name] = {};
  }
  const auto [round, is_new] = rounds_.try_emplace(name);
  if (is_new) {
    round->second.after = place->after;
    round->second.rows = place->rows;
    round->second.gone = place->gone;
    round->second.counts_only = place->gone > 0;
  }
  round->second.is_spread = true;
  return round->second;
}

void Reconciliation::Go(const CapturePlan& table, int64_t clock_us, RowFeed::Batch& batch) {
  CaptureCursor::Table& state = parts_.cursor.tables.at(table.schema->table);
  const bool compares = table.method() == CaptureMethod::kCompare;
  const bool at_once = options_.once || state.owes_deletions || compares;
  const Step step{table, state, Begin(table, clock_us, state), clock_us, batch};
  Round& round = step.round;
  batch.Flush();  // so that the index tells of this snapshot
  const uint64_t logged_before = batch.logged();
  uint64_t left = RowsPerPoll(table, at_once);
  while (left > 0 && state.reconciled && state.reconciled->under_way) {
    const uint64_t wanted = std::min(kRangeRows, left);
    std::vector<LoggedKey> keys = parts_.log.NextKeys(table.schema->table, round.after, wanted);
    for (const LoggedKey& key : keys) CheckLoggedKey(table, key.key);
    const bool is_last = keys.size() < wanted;
    GoThrough(step, {.after = round.after, .keys = keys, .is_last = is_last});
    round.rows += keys.size();
    left -= keys.size();
    round.after.reset();
    if (is_last) {
      EndPass(step);
    } else {
      round.after = std::move(keys.back().key);
      KeepPlace(step);
    }
  }
  batch.Flush();
  round.logged += batch.logged() - logged_before;
  if (!state.reconciled) {
    rounds_.erase(table.schema->table);
  } else if (!state.reconciled->under_way) {
    Tell(step);
    state.owes_deletions = false;
    refused_.erase(table.schema->table);
    rounds_.erase(table.schema->table);
  }
}

void Reconciliation::Tell(const Step& step) const {
  const Round& round = step.round;
  parts_.logger.Info("reconciled table={} rows={} deleted={}", step.table.name(), round.rows,
                     round.deleted);
  if (round.logged <= round.deleted) return;
  parts_.logger.Warn(
      "reconciling has found rows that polls had not seen table={} rows={} hint=\"see `syncline "
      "check`: something changes rows without moving the cursor column forward\"",
      step.table.name(), round.logged - round.deleted);
}

// In the cursor; what is held is looked for again by whoever goes on from there.
void Reconciliation::KeepPlace(const Step& step) {
  if (!step.round.held.empty()) return;
  step.state.reconciled->after = step.round.after;
  step.state.reconciled->rows = step.round.rows;
  step.state.reconciled->gone = step.state.reconciled->counted ? 0 : step.round.gone;
}

void Reconciliation::EndPass(const Step& step) {
  auto& place = step.state.reconciled;
  Round& round = step.round;
  if (!place->counted) {
    const uint64_t allowed = step.table.max_deletes.Of(round.rows);
    if (round.gone > allowed) return Refuse(step, allowed);
    if (round.counts_only && round.gone > 0) {
      place = {.begun_us = place->begun_us, .under_way = true, .counted = allowed};
      round.rows = round.gone = 0;
      return;
    }
    DeleteHeld(step);
  }
  place = {.begun_us = place->begun_us};
}

void Reconciliation::Refuse(const Step& step, uint64_t allowed) {
  Error error(
      Reaction::kStop, Cause::kRuntime,
      fmt::format("{}: {} of {} rows that the log holds are not at the source, and max_deletes "
                  "allows {}: none of them is logged as deleted",
                  step.table.name(), step.round.gone, step.round.rows, allowed),
      "find out why: a restore, a TRUNCATE, a condition or a policy that hides rows. Where they "
      "come back this ends by itself; if they are to be deleted on the targets, set max_deletes "
      "for the table once, as in `deletes: {by: reconcile, max_deletes: 100%}`, and start again");
  parts_.logger.Warn("deletions are held back error=\"{}\" hint=\"{}\"", error.message(),
                     error.hint());
  step.state.reconciled.reset();
  refused_.insert_or_assign(step.table.schema->table, Refused{step.clock_us, std::move(error)});
}

void Reconciliation::GoThrough(const Step& step, const Range& range) {
  std::vector<const Row*> differing;
  const CapturePlan& table = step.table;
  if (!KeyIsHashed(table)) {
    Probe(step, range, differing);
    for (const Row* key : differing) {
      step.batch.Read(table, KeyIs(table, sql::Comparison::kEqual, *key), "", 0, {});
    }
    return;
  }
  const Row* last = range.is_last ? nullptr : &range.keys.back().key;
  const sql::Sql within = RangeSql(table, range.after, last);
  const auto sums = parts_.session.Query(SumUpSql(table, within)).rows.at(0);
  if (fmt::format("{}|{}|{}", *sums.at(0), *sums.at(1), *sums.at(2)) == SumUp(range.keys)) return;
  if (range.keys.size() > kPartRows) return GoThroughParts(step, range);
  const uint64_t there = Probe(step, range, differing);
  // Deletions alone make the sums right.
  if (differing.empty() && std::to_string(there) == sums.at(0)) return;
  step.batch.Read(table, within, "", 0, {});
}

void Reconciliation::GoThroughParts(const Step& step, const Range& range) {
  const size_t size = range.keys.size();
  Range part{.after = range.after};
  for (size_t first = 0; first < size; first += part.keys.size()) {
    part.keys = range.keys.subspan(first, std::min<size_t>(kPartRows, size - first));
    part.is_last = range.is_last && first + part.keys.size() == size;
    GoThrough(step, part);
    part.after = part.keys.back().key;
  }
}

uint64_t Reconciliation::Probe(const Step& step, const Range& range,
                               std::vector<const Row*>& differing) {
  std::vector<Row> rows;
  std::vector<const Row*> pointers;
  rows.reserve(range.keys.size());
  for (const LoggedKey& key : range.keys) {
    rows.push_back(AskedFor(step.table, key.key, key.version));
    pointers.push_back(&rows.back());
  }
  const std::vector<sql::FirstRow> found = parts_.session.QueryEach(ProbeSql(step.table), pointers);
  uint64_t there = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const Row& key = range.keys[i].key;
    if (!found[i]) {
      TakeForGone(step, key);
      continue;
    }
    ++there;
    if (!IsTrue(found[i]->at(0))) differing.push_back(&key);
  }
  return there;
}

void Reconciliation::TakeForGone(const Step& step, const Row& key) {
  Round& round = step.round;
  ++round.gone;
  if (const auto& counted = step.state.reconciled->counted) {
    // More may have gone since they were counted; the next round will see.
    if (round.gone <= *counted) Delete(step, key);
  } else if (!round.counts_only) {
    round.held.push_back(key);
    if (round.held.size() <= kHeldKeys) return;
    round.counts_only = true;
    round.held = {};
  }
}

void Reconciliation::Delete(const Step& step, const Row& key) {
  const bool is_moment = step.table.cursor_kind == CursorKind::kTimestampTz;
  step.batch.Delete(step.table, key,
                    is_moment ? Value(ValueView::TimestampTz(step.clock_us)) : Value());
  ++step.round.deleted;
}

void Reconciliation::DeleteHeld(const Step& step) {
  std::vector<Row> held = std::exchange(step.round.held, {});
  if (!step.round.is_spread) {
    for (const Row& key : held) Delete(step, key);
    return;
  }
  for (size_t first = 0; first < held.size(); first += kRangeRows) {
    const size_t count = std::min<size_t>(kRangeRows, held.size() - first);
    std::vector<const Row*> pointers;
    std::vector<Row> asked(held.begin() + first, held.begin() + first + count);
    for (Row& key : asked) {
      key = AskedFor(step.table, std::move(key), ValueView());  // its version does not matter
      pointers.push_back(&key);
    }
    const auto found = parts_.session.QueryEach(ProbeSql(step.table), pointers);
    for (size_t i = 0; i < count; ++i) {
      if (!found[i]) Delete(step, held[first + i]);
    }
  }
}

}  // namespace syncline::capture
