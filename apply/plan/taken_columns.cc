#include "apply/plan/taken_columns.h"

#include <algorithm>
#include <utility>

namespace syncline::apply {
namespace {

// A value that is there, of which nothing is told.
void Hide(std::optional<Value>& value) {
  if (value) value = Value();
}

}  // namespace

TakenColumns::TakenColumns(const ApplyPlan& plan)
    : plan_(plan),
      takes_all_(plan.TakesAll() && (plan.cursor || !plan.schema->has_cursor())),
      left_out_(static_cast<uint32_t>(
          std::ranges::count_if(plan.schema->columns,
                                [](const Column& column) { return column.type != Type::kNull; }) -
          static_cast<std::ptrdiff_t>(plan.take.size()))) {
  if (takes_all_) {
    schema_ = plan.schema;
    return;
  }
  TableSchema schema{.table = plan.schema->table, .dialect = plan.schema->dialect};
  for (const uint32_t column : plan.take) schema.columns.push_back(plan.schema->columns[column]);
  schema.key = plan.key;
  if (plan.cursor) {
    schema.cursor = *plan.cursor;
    schema.cursor_fallback = plan.cursor_fallback;
  } else if (!plan.schema->has_cursor()) {
    schema.cursor = TableSchema::kNoCursor;
  } else {
    schema.cursor = static_cast<uint32_t>(schema.columns.size());
    schema.columns.push_back({.name = "", .type = Type::kNull});
  }
  schema_ = std::make_shared<const TableSchema>(std::move(schema));
}

QuarantinedChange TakenColumns::Of(QuarantinedChange step) const {
  if (takes_all_) return step;
  RowChange& change = step.change;
  step.schema = schema_;
  step.left_out += left_out_;
  if (!step.deletion) change.row = TargetRow(plan_, change.row);
  if (plan_.cursor || !schema_->has_cursor()) return step;
  if (!step.deletion) change.row.Append(ValueView::Null());
  change.version = Value();
  Hide(change.previous);
  std::ranges::fill(change.passed, Value());
  Hide(change.passed_up_to);
  return step;
}

}  // namespace syncline::apply
