#include "capture/reconciliation.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "capture/range_reader.h"
#include "engine/base/error.h"
#include "engine/model/calendar.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

constexpr uint64_t kRangeRows = 5'000;
// Of a range that is not as the log has it: what is asked for key by key costs several times what
// its sum costs, and travels.
constexpr uint64_t kPartRows = 320;

bool IsMoment(Type type) { return type == Type::kTimestamp || type == Type::kTimestampTz; }

bool IsHashed(Type type) {
  return type == Type::kInt || type == Type::kUuid || type == Type::kDate || IsMoment(type);
}

// What a row is recognised by.
struct Hashed {
  Type type;
  std::string sql;
};
// From the source's clock, which counts from 2000.
WallTime WallTimeOf(int64_t clock_us) {
  return WallTime(Microseconds(clock_us + kDaysTo2000 * kMicrosecondsPerDay));
}

// What is hashed of a value, as the server writes it and as we do.
std::string TextSql(const Hashed& value) {
  const std::string& name = value.sql;
  if (value.type == Type::kDate) {
    return fmt::format(
        "CASE WHEN isfinite({0}) THEN ({0} - '2000-01-01'::date)::text ELSE "
        "{0}::text END",
        name);
  }
  if (!IsMoment(value.type)) return name + "::text";
  // Microseconds since 2000. Where the server rounds them, in the last of all years, sums differ
  // and keys are asked for one by one.
  return fmt::format(
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

// Its key, then its cursor.
std::vector<Hashed> HashedParts(const TablePlan& table) {
  const TableSchema& schema = *table.schema;
  std::vector<Hashed> parts;
  for (const uint32_t key : schema.key) {
    parts.push_back({schema.columns[key].type, sql::Quote(schema.columns[key].name)});
  }
  parts.push_back({schema.columns[schema.cursor].type, table.cursor_sql()});
  return parts;
}

std::string RangeSql(const TablePlan& table, const std::optional<Row>& after, const Row* last) {
  return And(after ? KeyIs(table, ">", *after) : "", last ? KeyIs(table, "<=", *last) : "");
}

// One row for a key that is there: whether it has that version. A row whose cursor was set to NULL
// is there, too.
std::string ProbeSql(const TablePlan& table) {
  std::string same;
  size_t number = 0;
  for (const std::string& column : table.key_columns()) {
    same = And(same, fmt::format("{} = ${}", sql::Quote(column), ++number));
  }
  const bool postgres = table.schema->dialect == Dialect::kPostgres;
  return fmt::format("SELECT {} {} ${} FROM {} WHERE {}", table.cursor_sql(),
                     postgres ? "IS NOT DISTINCT FROM" : "IS", number + 1,
                     sql::Quote(table.schema->table), And(same, table.set));
}

bool IsTrue(const std::optional<std::string>& flag) { return flag == "t" || flag == "1"; }

}  // namespace

bool KeyIsHashed(const TablePlan& table) {
  return table.schema->dialect == Dialect::kPostgres &&
         std::ranges::all_of(HashedParts(table),
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

std::string SumUpSql(const TablePlan& table, const std::string& condition) {
  std::string text;
  for (const Hashed& part : HashedParts(table)) {
    text += (text.empty() ? "" : " || '|' || ") + TextSql(part);
  }
  const std::string where = And(table.where, condition);
  // With OFFSET 0 each row is hashed once, and not once for each sum.
  return fmt::format(
      "SELECT count(*), coalesce(sum(('x' || substr(h, 1, 8))::bit(32)::bigint), 0), "
      "coalesce(sum(('x' || substr(h, 9, 8))::bit(32)::bigint), 0) "
      "FROM (SELECT md5({}) AS h FROM {}{}{} OFFSET 0) AS hashes",
      text, sql::Quote(table.schema->table), where.empty() ? "" : " WHERE ", where);
}

bool Reconciliation::IsDue(const TablePlan& table, int64_t clock_us) const {
  if (!table.reconcile) return false;
  const auto& state = parts_.cursor.tables.at(table.schema->table).reconciled;
  if (!state || state->under_way) return true;
  if (table.reconcile->at) {
    const auto next = table.reconcile->at->Next(WallTimeOf(state->begun_us));
    return next && *next <= WallTimeOf(clock_us);
  }
  return clock_us < state->begun_us || clock_us - state->begun_us >= table.reconcile->every.count();
}

uint64_t Reconciliation::RowsPerPoll(const TablePlan& table) const {
  if (options_.once) return UINT64_MAX;
  const auto us = static_cast<uint64_t>(std::max<int64_t>(options_.every.least.count(), 1));
  return std::max<uint64_t>(table.reconcile->rate * us / 1'000'000, 1);
}

void Reconciliation::Go(const TablePlan& table, int64_t clock_us, RowFeed::Batch& batch) {
  auto& state = parts_.cursor.tables.at(table.schema->table).reconciled;
  // With `once`, whoever waits for it wants to know of all keys as of now.
  if (!state || !state->under_way || options_.once) {
    state = {.begun_us = clock_us, .under_way = true, .after = {}};
    rounds_[table.schema->table] = {};
  }
  Counts& counts = rounds_[table.schema->table];
  batch.Flush();  // so that the index tells of this snapshot
  const uint64_t logged_before = batch.logged();
  for (uint64_t left = RowsPerPoll(table); left > 0 && state->under_way;) {
    const uint64_t wanted = std::min(kRangeRows, left);
    std::vector<LoggedKey> keys = parts_.log.NextKeys(table.schema->table, state->after, wanted);
    for (const LoggedKey& key : keys) CheckLoggedKey(table, key.key);
    const bool is_last = keys.size() < wanted;
    GoThrough(table, {.after = state->after, .keys = keys, .is_last = is_last}, clock_us, batch,
              counts);
    counts.rows += keys.size();
    left -= keys.size();
    state->under_way = !is_last;
    state->after.reset();
    if (!is_last) state->after = std::move(keys.back().key);
  }
  batch.Flush();
  counts.logged += batch.logged() - logged_before;
  if (state->under_way) return;
  parts_.logger.info("reconciled table={} rows={} deleted={}", table.name(), counts.rows,
                     counts.deleted);
  if (counts.logged == counts.deleted) return;
  parts_.logger.warn(
      "reconciling has found rows that polls had not seen table={} rows={} hint=\"see `syncline "
      "check`: something changes rows without moving the cursor column forward\"",
      table.name(), counts.logged - counts.deleted);
}

void Reconciliation::GoThrough(const TablePlan& table, const Range& range, int64_t clock_us,
                               RowFeed::Batch& batch, Counts& counts) {
  std::vector<const Row*> differing;
  if (!KeyIsHashed(table)) {
    counts.deleted += range.keys.size() - Probe(table, range, clock_us, batch, differing);
    for (const Row* key : differing) batch.Read(table, KeyIs(table, "=", *key), "", 0, {});
    return;
  }
  const Row* last = range.is_last ? nullptr : &range.keys.back().key;
  const std::string within = RangeSql(table, range.after, last);
  const auto sums = parts_.session.Query(SumUpSql(table, within)).rows.at(0);
  if (fmt::format("{}|{}|{}", *sums.at(0), *sums.at(1), *sums.at(2)) == SumUp(range.keys)) return;
  if (range.keys.size() > kPartRows) return GoThroughParts(table, range, clock_us, batch, counts);
  const uint64_t there = Probe(table, range, clock_us, batch, differing);
  counts.deleted += range.keys.size() - there;
  // Deletions alone make the sums right.
  if (differing.empty() && std::to_string(there) == sums.at(0)) return;
  batch.Read(table, within, "", 0, {});
}

void Reconciliation::GoThroughParts(const TablePlan& table, const Range& range, int64_t clock_us,
                                    RowFeed::Batch& batch, Counts& counts) {
  const size_t size = range.keys.size();
  Range part{.after = range.after};
  for (size_t first = 0; first < size; first += part.keys.size()) {
    part.keys = range.keys.subspan(first, std::min<size_t>(kPartRows, size - first));
    part.is_last = range.is_last && first + part.keys.size() == size;
    GoThrough(table, part, clock_us, batch, counts);
    part.after = part.keys.back().key;
  }
}

uint64_t Reconciliation::Probe(const TablePlan& table, const Range& range, int64_t clock_us,
                               RowFeed::Batch& batch, std::vector<const Row*>& differing) {
  std::vector<Row> rows;
  std::vector<const Row*> pointers;
  rows.reserve(range.keys.size());
  for (const LoggedKey& key : range.keys) {
    rows.push_back(key.key);
    rows.back().Append(key.version);
    pointers.push_back(&rows.back());
  }
  const bool is_moment = table.cursor_kind == CursorKind::kTimestampTz;
  const Value version = is_moment ? Value(ValueView::TimestampTz(clock_us)) : Value();
  const std::vector<sql::FirstRow> found = parts_.session.QueryEach(ProbeSql(table), pointers);
  uint64_t there = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const Row& key = range.keys[i].key;
    if (!found[i]) {
      batch.Delete(table, key, version);
      continue;
    }
    ++there;
    if (!IsTrue(found[i]->at(0))) differing.push_back(&key);
  }
  return there;
}

}  // namespace syncline::capture
