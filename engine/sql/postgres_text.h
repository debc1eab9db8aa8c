#pragma once

#include <libpq-fe.h>

#include <string>

#include "engine/model/value.h"

namespace syncline::sql {

// Appends the text from which the server parses a parameter or a column of type `target`:
// ToText(value), save where the value's own type is another than the column's (README.md, "Towards
// PostgreSQL"):
//   a number for a date or timestamp is a Unix time in seconds;
//   anything but bytes for a bytea is the bytes of its text.
// Throws StopError for text with a zero byte and for a Unix time out of range. NULL must not be
// passed in.
void AppendPostgresText(ValueView value, Oid target, std::string& out);

// The same as one field of COPY's text format: escaped; NULL is \N.
void AppendCopyField(ValueView value, Oid target, std::string& out);

}  // namespace syncline::sql
