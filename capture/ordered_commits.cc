#include "capture/ordered_commits.h"

#include <string_view>

#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

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

void OrderedCommits::Anchor(const std::vector<TablePlan>& tables, CaptureCursor& cursor) {
  RememberHighest(session_, tables, cursor);
}

bool OrderedCommits::Look() {
  looked_at_ = session_.Query("PRAGMA data_version").rows.at(0).at(0).value();
  return polled_at_ != looked_at_;
}

void OrderedCommits::Enter(const std::vector<TablePlan>&, CaptureCursor&) {
  polled_at_ = looked_at_;
}

std::string OrderedCommits::Condition(const TablePlan& table, const CaptureCursor& cursor) const {
  const Value& seen = cursor.tables.at(table.schema->table).seen;
  if (seen.is_null()) return "";
  return table.cursor_column() + " >= " + sql::Literal(TakeOff(seen, margin_), Dialect::kSqlite);
}

}  // namespace syncline::capture
