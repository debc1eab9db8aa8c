#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/row.h"
#include "engine/model/schema.h"

namespace syncline::sql {

// What the two databases write differently, as SQL text. All functions are pure.

// "name" with inner quotes doubled.
std::string Quote(std::string_view identifier);
// "schema"."name", or "name" where there is no schema.
std::string Quote(const TableName& table);
// a, b, c quoted and joined by ", "; each with `prefix` (such as "t.") before it.
std::string QuoteList(const std::vector<std::string>& identifiers, std::string_view prefix = {});

// A value as a literal of that database, safe to paste into a statement, that compares with a
// column of the value's own type. NULL becomes NULL.
std::string Literal(ValueView value, Dialect dialect);

// The database's clock now, as Syncline's own tables hold it: a timestamptz, or SQLite's text.
std::string NowSql(Dialect dialect);

// The condition that a row's key is one of `keys`, rows of the key columns' values in key order; as
// Literal writes values. Of a single column it is one IN. `keys` must not be empty, and is best
// kept to some hundred: SQLite allows expressions of a certain depth only.
std::string IsOneOf(const std::vector<std::string>& columns, std::span<const Row> keys,
                    Dialect dialect);

// The type that a column captured from a database of dialect `from` gets in a new table of dialect
// `to`; by the table of types in README.md. The native type itself where from == to.
std::string ColumnTypeFor(const Column& column, Dialect from, Dialect to);

// What a declared type of that database holds: PostgreSQL's format_type() text, or SQLite's
// declared type.
Type TypeOf(std::string_view native_type, Dialect dialect);

}  // namespace syncline::sql
