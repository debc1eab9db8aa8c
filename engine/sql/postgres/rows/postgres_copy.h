#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/sql/postgres/link/postgres_connection.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// Session::ReadRows by COPY (...) TO STDOUT (FORMAT binary).
uint64_t CopyOut(PostgresConnection& connection, const Session::Read& read,
                 const Session::RowSink& sink);

// Session::LoadRows by COPY ... FROM STDIN: in binary when all values fit their columns so, else in
// text format, which lets the server parse each value into its column's type.
void CopyIn(PostgresConnection& connection, const TableName& table,
            const std::vector<std::string>& columns, std::span<const Row* const> rows);

}  // namespace syncline::sql
