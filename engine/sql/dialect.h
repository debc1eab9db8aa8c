#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/row.h"
#include "engine/model/schema.h"
#include "engine/sql/sql_text.h"

namespace syncline::sql {

// Names, values and types as SQL text. All functions are pure, and throw StopError for a kind of
// database that is none. Terms that databases write differently are in sql_dialect.h.

// "name" with inner quotes doubled. Throws StopError for a name with a zero byte.
Sql Quote(std::string_view identifier);
// "schema"."name", or "name" where there is no schema.
Sql Quote(const TableName& table);
// a, b, c quoted and joined by ", "; each with `prefix` (such as "t.") before it.
Sql QuoteList(const std::vector<std::string>& identifiers, const Sql& prefix = {});

// Whether a database of that kind takes two names for one: SQLite does not tell the case of ASCII
// letters apart. FoldedName is the same for all names that are one.
bool IsSameName(std::string_view a, std::string_view b, Dialect dialect);
std::string FoldedName(std::string_view name, Dialect dialect);

// A value as a literal of that database, safe to paste into a statement, that compares with a
// column of the value's own type. NULL becomes NULL.
Sql Literal(ValueView value, Dialect dialect);
// The same of a text.
Sql TextLiteral(std::string_view text, Dialect dialect);

// A text as a name in PostgreSQL's catalogue: 'items'::pg_catalog.name.
Sql CatalogueName(std::string_view text);

// The condition that a row's key is one of `keys`, rows of the key columns' values in key order; as
// Literal writes values. Of a single column it is one IN. `keys` must not be empty, and is best
// kept to some hundred: SQLite allows expressions of a certain depth only.
// `equals` is Session::Operator for each column; none: "=" for all.
Sql IsOneOf(const std::vector<std::string>& columns, std::span<const Row> keys, Dialect dialect,
            const std::vector<Sql>& equals = {});

// The type that a column captured from a database of dialect `from` gets in a new table of dialect
// `to`; by the table of types in README.md. DeclaredType of its own where from == to.
Sql ColumnTypeFor(const Column& column, Dialect from, Dialect to);

// The schema in a text of PostgreSQL's format_type(), as it stands there; empty: none, so it is one
// of the system's types.
std::string_view SchemaOfType(std::string_view native_type);

// What a declared type of that database holds: PostgreSQL's format_type() text, or SQLite's
// declared type.
Type TypeOf(std::string_view native_type, Dialect dialect);

// A declared type as a statement may name it. It is put together anew from the words, names and
// numbers of the text, of which nothing else is taken over: what a catalogue or a log calls a type
// may be any text. In PostgreSQL that is what format_type() writes, and StopError for what is not
// written so. In SQLite it is words and up to two numbers in parentheses; for anything else a type
// of the same affinity (TEXT where the text asks for none).
Sql DeclaredType(std::string_view native_type, Dialect dialect);

// Whether two texts name one declared type. PostgreSQL's may differ in that one of them leaves out
// the schema, as earlier builds noted it.
bool IsSameType(std::string_view a, std::string_view b, Dialect dialect);

}  // namespace syncline::sql
