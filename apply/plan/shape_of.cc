#include "apply/plan/shape_of.h"

#include <fmt/format.h>

#include <algorithm>

#include "apply/plan/key_fit.h"
#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

bool IsTime(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestampTz;
}

// Two columns that hold one version by turns have to keep it alike. SQLite converts what is
// compared with a column as it converts what is stored there, but not what is compared with an
// expression.
void CheckFallback(const ApplyPlan& plan, const TargetShape& shape) {
  const Column& first = shape.columns[*plan.cursor];
  const Column& second = shape.columns[*plan.cursor_fallback];
  const Type sent = plan.columns[*plan.cursor].type;
  const bool converts =
      !shape.words().can().has_typed_values && !IsTime(sent) && sent != first.type;
  if (first.native_type == second.native_type && !converts) return;
  throw UsageError(
      fmt::format("columns {} {} and {} {} of {} on the target tell the states of a row by turns, "
                  "as coalesce({}, {})",
                  first.name, first.native_type, second.name, second.native_type,
                  shape.table.ToString(), first.name, second.name),
      "give both the same type on the target, on SQLite that of the source");
}

// Integers are versions where columns have types, and every database compares them alike; all other
// versions are moments, which only a target's own types of them compare as such.
bool ComparesStamps(const ApplyPlan& plan, const TargetShape& shape) {
  const Column& sent = plan.schema->columns[plan.schema->cursor];
  const bool counts =
      sql::DialectOf(plan.schema->dialect).can().has_typed_values && sent.type == Type::kInt;
  return !counts && (!shape.words().can().has_typed_values || !IsTime(shape.cursor_type));
}

}  // namespace

TargetShape ShapeOf(const ApplyPlan& plan, const sql::TableInfo& info, sql::Session& session) {
  TargetShape shape{.dialect = session.dialect(), .table = plan.target, .key = plan.KeyNames()};
  for (const Column& column : plan.columns) {
    const sql::ColumnInfo* found = info.Find(column.name);
    SYNCLINE_CHECK(found != nullptr);  // PrepareTargetTable has seen to it
    shape.columns.push_back(found->column);
  }
  for (const std::string& column : shape.key) {
    shape.key_equals.push_back(
        session.Operator(info.Find(column)->column, sql::Comparison::kEqual));
  }
  if (plan.cursor) {
    const Column& cursor = shape.columns[*plan.cursor];
    shape.cursor = cursor.name;
    shape.cursor_type = cursor.type;
    shape.cursor_native = cursor.native_type;
    if (plan.cursor_fallback) {
      shape.cursor_fallback = shape.columns[*plan.cursor_fallback].name;
      CheckFallback(plan, shape);
    }
    shape.compares_stamps = ComparesStamps(plan, shape);
  }
  if (!plan.flag.empty()) shape.flag = info.Find(plan.flag, session.dialect())->column;
  shape.own_rows = sql::OwnRows(plan.target, info.kind, session.dialect());
  if (std::ranges::any_of(plan.key_fits, &KeyFit::is_compared)) {
    for (const KeyFit& fit : plan.key_fits) shape.key_texts.push_back(fit.is_compared());
  }
  return shape;
}

}  // namespace syncline::apply
