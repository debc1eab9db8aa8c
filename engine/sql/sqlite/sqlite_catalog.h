#pragma once

#include <optional>
#include <vector>

#include "engine/sql/sqlite/sqlite_connection.h"
#include "engine/sql/table_info.h"

namespace syncline::sql {

// What a Session tells of a SQLite file, from its pragmas.
std::vector<TableName> ListUserTables(SqliteConnection& connection);
std::optional<TableInfo> DescribeTable(SqliteConnection& connection, const TableName& table);

}  // namespace syncline::sql
