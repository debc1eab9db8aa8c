#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/sql/database_mark.h"
#include "engine/sql/postgres/link/postgres_connection.h"
#include "engine/sql/table_info.h"

namespace syncline::sql {

// What a Session tells of a PostgreSQL database, read from pg_catalog, which every role may do.

// "postgresql:<system identifier>/<database>".
std::string DatabaseIdentity(PostgresConnection& connection);
DatabaseMark MarkOf(PostgresConnection& connection);
std::vector<TableName> ListUserTables(PostgresConnection& connection);
// Nothing if there is no such table; throws kStop with the GRANT to run if not one of its columns
// may be read.
std::optional<TableInfo> DescribeTable(PostgresConnection& connection, const TableName& table);
// The same of each, in as many statements as of one.
std::vector<std::optional<TableInfo>> DescribeTables(PostgresConnection& connection,
                                                     std::span<const TableName> tables);

}  // namespace syncline::sql
