#pragma once

#include <string>

#include "engine/base/json.h"
#include "engine/model/change.h"
#include "engine/model/schema.h"

namespace syncline::cli {

// null, true, 42 and finite doubles as JSON has them; everything else, decimals above all, as the
// value's text, which loses nothing.
Json ToJson(ValueView value);

// {"column": value, ...} for a row of all columns, or of the key columns only.
Json RowJson(const TableSchema& schema, const Row& row);
Json KeyJson(const TableSchema& schema, const Row& key);

// The key of a change's row, whatever its op.
Row KeyOf(const TableSchema& schema, const Change& change);

// One line, always valid JSON: bytes that are no UTF-8 become U+FFFD, and what Printable would not
// show is escaped as \u....
std::string Dump(const Json& json);

}  // namespace syncline::cli
