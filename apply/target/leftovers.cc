#include "apply/target/leftovers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "apply/plan/apply_plan.h"
#include "apply/plan/taken_columns.h"
#include "apply/state/quarantine.h"
#include "engine/base/error.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {
namespace {

bool HoldsOmitted(const TableSchema& schema, const TableMapping& mapping) {
  return std::ranges::any_of(mapping.omit,
                             [&](const std::string& column) { return schema.Find(column) >= 0; });
}

// With `new_columns: ignore` what the target lacks counts as omitted.
TableMapping WithIgnored(sql::Session& session, const TableSchema& schema, TableMapping mapping) {
  if (mapping.new_columns != NewColumns::kIgnore) return mapping;
  const std::optional<sql::TableInfo> info = session.Describe(mapping.target);
  if (!info) return mapping;
  for (uint32_t i = 0; i < schema.columns.size(); ++i) {
    const std::string& name = schema.columns[i].name;
    const auto renamed = mapping.columns.find(name);
    const bool is_key = std::ranges::find(schema.key, i) != schema.key.end();
    if (is_key || schema.columns[i].type == Type::kNull) continue;
    const std::string& there = renamed == mapping.columns.end() ? name : renamed->second;
    if (info->Find(there, session.dialect()) == nullptr) mapping.omit.push_back(name);
  }
  return mapping;
}

// As far as the mapping still works with the schema. A key or a cursor that is needed and omitted
// now is told when changes come.
std::optional<ApplyPlan> PlanIfPossible(const std::shared_ptr<const TableSchema>& schema,
                                        const TableMapping& mapping) {
  try {
    return PlanTable(schema, mapping);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

uint64_t HideOmittedInQuarantine(sql::Session& session, const std::string& pipeline,
                                 const std::map<TableName, TableMapping>& mappings) {
  uint64_t rewritten = 0;
  for (ParkedChange& change : ReadQuarantine(session, pipeline)) {
    const auto& schema = change.step.schema;
    const auto found = mappings.find(schema->table);
    if (found == mappings.end()) continue;
    const TableMapping mapping = WithIgnored(session, *schema, found->second);
    if (!HoldsOmitted(*schema, mapping)) continue;
    const std::optional<ApplyPlan> plan = PlanIfPossible(schema, mapping);
    if (!plan) continue;
    RewriteParked(session, change.id, TakenColumns(*plan).Of(std::move(change.step)));
    ++rewritten;
  }
  return rewritten;
}

}  // namespace syncline::apply
