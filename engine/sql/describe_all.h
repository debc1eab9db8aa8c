#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/sql/session.h"

namespace syncline::sql {

// Session::Describe of each of the tables, in their order. PostgreSQL answers for all of them in a
// few statements, however many there are. On the session's thread. Throws as Describe does, for the
// first that may not be read.
std::vector<std::optional<TableInfo>> DescribeAll(Session& session,
                                                  std::span<const TableName> tables);

}  // namespace syncline::sql
