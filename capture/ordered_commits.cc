#include "capture/ordered_commits.h"

#include <string_view>

#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

// Microseconds since 2000-01-01 UTC.
constexpr char kClockSql[] =
    "SELECT CAST((julianday('now') - 2451544.5) * 86400000 AS INTEGER) * 1000";

constexpr size_t kToTheSecond = 19;  // length of "2026-01-31 23:59:59"

}  // namespace

Value TakeOff(const Value& seen, Microseconds margin) {
  const bool is_time = seen.type() == Type::kTimestamp || seen.type() == Type::kTimestampTz;
  if (seen.type() != Type::kText && !is_time) return seen;
  const std::string text = ToText(seen);
  if (text.size() < kToTheSecond) return seen;
  const std::string_view second = std::string_view(text).substr(0, kToTheSecond);
  const std::optional<Value> time = FromText(Type::kTimestamp, second);
  if (!time || time->view().as_int() == kNegativeInfinity) return seen;
  std::string earlier = ToText(Value(ValueView::Timestamp(time->view().as_int() - margin.count())));
  if (earlier.size() < kToTheSecond) return seen;
  earlier.resize(kToTheSecond);
  earlier[10] = text[10];  // "T" or a space
  return Value(ValueView::Text(earlier));
}

bool IsLaterThan(const Value& value, int64_t clock_us) {
  if (value.type() == Type::kTimestamp || value.type() == Type::kTimestampTz) {
    return value.view().as_int() > clock_us;
  }
  if (value.type() != Type::kText) return false;
  const std::optional<Value> time = FromText(Type::kTimestampTz, value.view().as_string());
  return time && time->view().as_int() > clock_us;
}

void OrderedCommits::Anchor(const std::vector<TablePlan>& tables, CaptureCursor& cursor) {
  ReadClock();
  RememberHighest(session_, tables, *this, cursor);
}

void OrderedCommits::ReadClock() {
  clock_us_ = std::stoll(session_.Query(kClockSql).rows.at(0).at(0).value());
}

bool OrderedCommits::Changed() {
  ReadClock();
  looked_at_ = session_.Query("PRAGMA data_version").rows.at(0).at(0).value();
  return polled_at_ != looked_at_;
}

void OrderedCommits::Enter(const std::vector<TablePlan>& tables, CaptureCursor& cursor) {
  polled_at_ = looked_at_;
  TickLedger& ledger = cursor.ticks;
  if (ledger.last != 0 && clock_us_ < ledger.ticks.at(ledger.last).clock_us) {
    // The clock was set back: stamps made since can lie below what was seen, nobody knows how far.
    for (const TablePlan& table : tables) {
      Value& seen = cursor.tables[table.schema->table].seen;
      if (TakeOff(seen, margin_) != seen) seen = Value();
    }
  }
  ledger.ticks = {{++ledger.last, Tick{clock_us_, {}}}};
}

bool OrderedCommits::Trusts(const Value& cursor_value) const {
  return !IsLaterThan(cursor_value, clock_us_);
}

sql::Sql OrderedCommits::Condition(const TablePlan& table, const CaptureCursor& cursor) const {
  const Value& seen = cursor.tables.at(table.schema->table).seen;
  if (seen.is_null()) return "";
  return table.cursor_sql() + " >= " + sql::Literal(TakeOff(seen, margin_), Dialect::kSqlite);
}

}  // namespace syncline::capture
