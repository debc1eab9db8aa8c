#pragma once

#include <map>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// The order in which the tables of one transaction are written so that foreign keys hold at every
// step. Plain value type.
struct TableOrder {
  std::vector<TableName> parents_first;  // tables of a cycle stand in any order among themselves
  std::vector<TableName> in_cycle;  // those that reference themselves, directly or through others
};

// `tables` are those that are written, with what they reference; references to other tables do not
// matter. Pure.
TableOrder OrderByReferences(const std::map<TableName, std::vector<sql::ForeignKey>>& tables);

}  // namespace syncline::apply
