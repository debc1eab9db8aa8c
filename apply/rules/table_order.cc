#include "apply/rules/table_order.h"

#include <algorithm>
#include <set>

namespace syncline::apply {
namespace {

using Tables = std::map<TableName, std::vector<sql::ForeignKey>>;

// Depth-first: a table goes behind everything it references (Tarjan, 1976).
void Visit(const Tables& tables, const TableName& table, std::set<TableName>& seen,
           std::vector<TableName>& order) {
  const auto found = tables.find(table);
  if (found == tables.end() || !seen.insert(table).second) return;
  for (const sql::ForeignKey& key : found->second) Visit(tables, key.references, seen, order);
  order.push_back(table);
}

bool Reaches(const Tables& tables, const TableName& from, const TableName& goal,
             std::set<TableName>& seen) {
  const auto found = tables.find(from);
  if (found == tables.end() || !seen.insert(from).second) return false;
  return std::ranges::any_of(found->second, [&](const sql::ForeignKey& key) {
    return key.references == goal || Reaches(tables, key.references, goal, seen);
  });
}

}  // namespace

TableOrder OrderByReferences(const Tables& tables) {
  TableOrder order;
  std::set<TableName> seen;
  for (const auto& [table, keys] : tables) {
    Visit(tables, table, seen, order.parents_first);
    std::set<TableName> passed;
    if (Reaches(tables, table, table, passed)) order.in_cycle.push_back(table);
  }
  return order;
}

}  // namespace syncline::apply
