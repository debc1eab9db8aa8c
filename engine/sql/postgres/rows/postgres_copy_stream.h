#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/sql/postgres/link/postgres_connection.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// The types of the columns that a SELECT returns, domains as what they are based on.
std::vector<Oid> ColumnTypes(PostgresConnection& connection, const Sql& select);

// What a read reads from; a column's value as a COPY in binary format brings it.
Sql ReadFrom(const Session::Read& read);
Sql CopiedValue(const Sql& column, Oid type);
// Runs COPY (...) TO STDOUT (FORMAT binary) of columns of those types, behind which a size may
// stand, which `sink` gets with each row.
void StreamCopy(PostgresConnection& connection, const Sql& copy, const std::vector<Oid>& types,
                bool has_size, const std::function<void(Row& row, uint64_t size)>& sink);

}  // namespace syncline::sql
