#pragma once

#include <sqlite3.h>

#include <string>

#include "engine/model/row.h"
#include "engine/model/value.h"

namespace syncline::sql {

// Appends column `index` of the statement's current row. The storage class decides what the value
// is; where the column is declared as `declared` and what is stored is exactly how a value of that
// type would be written, it is one of that type. So what is read and written again is byte for byte
// what was stored.
void AppendColumn(sqlite3_stmt* statement, int index, Type declared, Row& row);

// Binds the form in which SQLite stores the value (the table of types in README.md) and returns
// SQLite's result code. Strings are borrowed until the statement is reset; `scratch` is for text
// made here, and copied.
int BindValue(sqlite3_stmt* statement, int index, ValueView value, std::string& scratch);

}  // namespace syncline::sql
