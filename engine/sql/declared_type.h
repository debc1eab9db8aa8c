#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/sql_text.h"

namespace syncline::sql {

// What declared types consist of; DeclaredType itself is in dialect.h. All functions are pure.

// ASCII letters in upper case.
std::string Upper(std::string_view text);

// What a SQLite column of that declared type, in upper case, holds by SQLite's affinity rules:
// kOther for NUMERIC affinity, which says nothing of what is meant ("STRING" has it).
Type AffinityOf(std::string_view upper);

// "(12,2)" or "(12)" of such a text; empty for any other one.
Sql NumbersOf(std::string_view parenthesized);

// Whether SQLite takes a word for one of its grammar.
bool IsSqliteKeyword(const std::string& word);

// A type of PostgreSQL as format_type() writes it, taken apart.
struct PostgresType {
  std::vector<Sql> names;  // its schema, where one stands there, and its own
  std::string name;        // the latter without quotes
  Sql words;               // " varying", " with time zone", " day to second"; empty: none
  Sql modifier;            // "(10,2)"; empty: none
  int dimensions = 0;      // of an array

  // Nothing for any other text.
  static std::optional<PostgresType> Parse(std::string_view text);
  // As format_type() writes it.
  Sql Text() const;
};

// Throws StopError for any other text.
PostgresType RequirePostgresType(std::string_view text);

}  // namespace syncline::sql
