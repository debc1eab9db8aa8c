#pragma once

#include <string>

#include "engine/model/value.h"
#include "engine/sql/postgres/rows/postgres_target_type.h"

namespace syncline::sql {

// Appends the text from which the server parses a parameter or a column of type `target`:
// ToText(value), save where the value's own type is another than the column's (README.md, "Towards
// PostgreSQL"):
//   a text or number for a date or timestamp is the moment that ReadStamp reads in it, in UTC; of a
//   text with a time a date is the day that is written;
//   anything but bytes for a bytea is the bytes of its text.
// So the server never makes a moment of a word, or of a form that could mean two. Throws StopError
// with a refusal for what is no moment there, for such a word inside an array, a range or a row of
// times, and for text with a zero byte. NULL must not be passed in.
void AppendPostgresText(ValueView value, const TargetType& target, std::string& out);

// The same as one field of COPY's text format: escaped; NULL is \N.
void AppendCopyField(ValueView value, const TargetType& target, std::string& out);

}  // namespace syncline::sql
