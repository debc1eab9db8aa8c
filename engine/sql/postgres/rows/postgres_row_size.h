#pragma once

#include <libpq-fe.h>

#include <string>
#include <vector>

#include "engine/sql/session.h"

namespace syncline::sql {

// The bytes of a row's values as an SQL expression over the read's table, as far as they can be
// many; empty where they cannot be more than `read.row_bytes_max`. Nothing is fetched for it that
// is stored outside of the row: PostgreSQL knows how long texts and bytes are there. Of other types
// it knows how long they are in compressed form; they are looked at where that is so long that they
// could be too large. `types` are those of the schema's columns.
Sql RowSizeSql(const Session::Read& read, const std::vector<Oid>& types);

// Whether the column's value is left out of a row that is too large.
bool IsLeftOut(const Session::Read& read, size_t column, Oid type);

// A column as its type's output function writes it, which is not always what a cast to text gives
// (inet).
Sql OutputText(const Sql& column);

}  // namespace syncline::sql
