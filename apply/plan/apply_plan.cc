#include "apply/plan/apply_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

[[noreturn]] void ThrowOmitted(const ApplyPlan& plan, uint32_t column, const std::string& role) {
  if (plan.schema->columns[column].type == Type::kNull) {
    throw UsageError(
        fmt::format("a change of {} was parked without its cursor column, which {} omitted then",
                    plan.schema->table.ToString(), plan.target.ToString()),
        "Omit it again, with `conflict: source_wins`, to apply the change; or skip the change.");
  }
  throw UsageError(fmt::format("column {} of {} is omitted from {}, but it is {}",
                               plan.schema->columns[column].name, plan.schema->table.ToString(),
                               plan.target.ToString(), role),
                   "Take it out of `omit`.");
}

std::vector<std::string> NamesOf(const std::vector<Column>& columns,
                                 const std::vector<uint32_t>& indexes) {
  std::vector<std::string> names;
  for (const uint32_t index : indexes) names.push_back(columns[index].name);
  return names;
}

// `place` is where the schema's columns stand among plan.columns.
void PlaceCursor(ApplyPlan& plan, const std::vector<std::optional<uint32_t>>& place) {
  const TableSchema& schema = *plan.schema;
  if (!schema.has_cursor()) {
    if (!ComparesVersions(plan.conflict)) return;
    throw UsageError(
        fmt::format("table {} is captured without a cursor column, so no version decides its "
                    "conflicts",
                    schema.table.ToString()),
        "Set `conflict: source_wins` for it, or name a column with `cursor`.");
  }
  const uint32_t fallback = schema.cursor_fallback.value_or(schema.cursor);
  if (place[schema.cursor] && place[fallback]) {
    plan.cursor = place[schema.cursor];
    if (schema.cursor_fallback) plan.cursor_fallback = place[fallback];
  } else if (ComparesVersions(plan.conflict)) {
    ThrowOmitted(plan, place[schema.cursor] ? fallback : schema.cursor,
                 "the cursor column, which decides conflicts (other than by source_wins)");
  }
}

}  // namespace

std::vector<std::string> ApplyPlan::ColumnNames() const {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  return names;
}

std::vector<std::string> ApplyPlan::KeyNames() const { return NamesOf(columns, key); }

ApplyPlan PlanTable(std::shared_ptr<const TableSchema> schema, const TableMapping& mapping) {
  ApplyPlan plan{.schema = std::move(schema),
                 .target = mapping.target,
                 .conflict = mapping.conflict,
                 .create = mapping.create,
                 .new_columns = mapping.new_columns,
                 .on_delete = mapping.on_delete,
                 .flag = mapping.flag};
  std::map<std::string, std::string> taken;  // target name -> source name
  std::vector<std::optional<uint32_t>> place(plan.schema->columns.size());
  for (uint32_t i = 0; i < plan.schema->columns.size(); ++i) {
    Column column = plan.schema->columns[i];
    if (column.type == Type::kNull) continue;  // it was left out before
    if (std::ranges::find(mapping.omit, column.name) != mapping.omit.end()) continue;
    const std::string source_name = column.name;
    if (const auto renamed = mapping.columns.find(source_name); renamed != mapping.columns.end()) {
      column.name = renamed->second;
    }
    if (const auto [other, added] = taken.emplace(column.name, source_name); !added) {
      throw UsageError(fmt::format("columns {} and {} of {} would both become {} of {}",
                                   other->second, source_name, plan.schema->table.ToString(),
                                   column.name, plan.target.ToString()),
                       "Give one of them another name under `columns`, or omit it.");
    }
    if (column.name == plan.flag) {
      throw UsageError(
          fmt::format("column {} of {} would become {} of {}, which `on_delete` sets", source_name,
                      plan.schema->table.ToString(), plan.flag, plan.target.ToString()),
          "Omit it, give it another name under `columns`, or name another flag.");
    }
    place[i] = static_cast<uint32_t>(plan.take.size());
    plan.take.push_back(i);
    plan.columns.push_back(std::move(column));
  }
  for (const uint32_t column : plan.schema->key) {
    if (!place[column]) ThrowOmitted(plan, column, "part of the key");
    plan.key.push_back(*place[column]);
  }
  PlaceCursor(plan, place);
  return plan;
}

void RefuseOneName(const ApplyPlan& plan, Dialect target) {
  std::map<std::string, std::string> taken;  // folded name -> source name
  if (!plan.flag.empty()) taken[sql::FoldedName(plan.flag, target)] = "";
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const std::string& source = plan.schema->columns[plan.take[i]].name;
    const std::string& name = plan.columns[i].name;
    const auto [other, added] = taken.emplace(sql::FoldedName(name, target), source);
    if (added) continue;
    const std::string table = plan.schema->table.ToString();
    throw UsageError(
        other->second.empty()
            ? fmt::format("column {} of {} would become {} of {}, which `on_delete` sets", source,
                          table, plan.flag, plan.target.ToString())
            : fmt::format("columns {} and {} of {} would be one column of {}: SQLite does not tell "
                          "upper from lower case",
                          other->second, source, table, plan.target.ToString()),
        "Give one of them another name under `columns`, or omit it.");
  }
}

void LeaveOut(ApplyPlan& plan, uint32_t column) {
  SYNCLINE_CHECK(std::ranges::find(plan.key, column) == plan.key.end());
  plan.take.erase(plan.take.begin() + column);
  plan.columns.erase(plan.columns.begin() + column);
  for (uint32_t& key : plan.key) key -= key > column ? 1 : 0;
  if (plan.IsCursor(column)) {
    plan.cursor.reset();
    plan.cursor_fallback.reset();
  }
  for (std::optional<uint32_t>* cursor : {&plan.cursor, &plan.cursor_fallback}) {
    if (*cursor > column) --**cursor;  // false for none
  }
}

Row TargetRow(const ApplyPlan& plan, const Row& row) {
  if (plan.TakesAll()) return row;
  Row target;
  target.Reserve(row.bytes().size());
  auto wanted = plan.take.begin();
  uint32_t index = 0;
  for (auto value = row.begin(); wanted != plan.take.end(); ++value, ++index) {
    if (*wanted != index) continue;
    target.Append(*value);
    ++wanted;
  }
  return target;
}

}  // namespace syncline::apply
