#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/model/row.h"
#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {

// Whether every value of the rows can be sent in its column's binary form, and means there what
// its text would mean: the value is of the column's own type and within what the type holds. Any
// other value is the server's to convert or to refuse, from its text. One type per column.
bool FitBinary(std::span<const Row* const> rows, const std::vector<TypeOid>& types);

// The stream of COPY .. FROM STDIN (FORMAT binary): a header, rows that FitBinary has seen, a
// trailer. Sending text would cost the server twice the time for a row of numbers and timestamps.
// Format: PostgreSQL manual, "COPY", section "Binary Format"; the fields as each type's receive
// function reads them.
void AppendBinaryHeader(std::string& out);
void AppendBinaryRow(const Row& row, const std::vector<TypeOid>& types, std::string& out);
void AppendBinaryTrailer(std::string& out);

}  // namespace syncline::sql
