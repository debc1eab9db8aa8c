#pragma once

#include <string>
#include <vector>

#include "engine/model/row.h"
#include "engine/sql/postgres_types.h"

namespace syncline::sql {

// Whether there is a binary form for values of all these types, one per column.
bool TakesBinary(const std::vector<TypeOid>& types);

// The stream of COPY .. FROM STDIN (FORMAT binary): a header, rows, a trailer. Sending text would
// cost the server twice the time for a row of numbers and timestamps. Format: PostgreSQL manual,
// "COPY", section "Binary Format"; the fields as each type's receive function reads them.
//
// A row is appended only if every value can be sent in its column's binary form, and means there
// what its text would mean: the value is of the column's own type and within what the type holds.
// Any other value is the server's to convert or to refuse, from its text.
void AppendBinaryHeader(std::string& out);
bool AppendBinaryRow(const Row& row, const std::vector<TypeOid>& types, std::string& out);
void AppendBinaryTrailer(std::string& out);

}  // namespace syncline::sql
