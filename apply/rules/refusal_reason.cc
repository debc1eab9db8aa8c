#include "apply/rules/refusal_reason.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string>

namespace syncline::apply {
namespace {

// SQLite does not tell which of a table's foreign keys it is.
std::set<std::string> Parents(const Refusal& refusal, const sql::TableInfo& table) {
  std::set<std::string> parents;
  for (const sql::ForeignKey& key : table.foreign_keys) {
    if (refusal.constraint.empty() || refusal.constraint == key.name) {
      parents.insert(key.references.ToString());
    }
  }
  return parents;
}

}  // namespace

Refusal Explained(Refusal refusal, const sql::TableInfo& table, bool deletion) {
  if (refusal.kind == Refusal::Kind::kForeignKey) {
    const std::string name =
        refusal.constraint.empty() ? "" : fmt::format(" (foreign key {})", refusal.constraint);
    const std::set<std::string> parents = Parents(refusal, table);
    if (deletion) {
      refusal.reason = fmt::format("rows of {} still refer to it{}",
                                   refusal.table.empty() ? "other tables" : refusal.table, name);
    } else if (!parents.empty()) {
      refusal.reason = fmt::format("refers to a row of {} that is not there{}",
                                   fmt::join(parents, " or "), name);
    }
  } else if (refusal.kind == Refusal::Kind::kValue) {
    const sql::ColumnInfo* column = table.Find(refusal.column);
    if (column != nullptr) refusal.reason += fmt::format(" ({})", column->column.native_type);
  }
  return refusal;
}

}  // namespace syncline::apply
