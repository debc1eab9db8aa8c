#pragma once

#include <string>
#include <string_view>

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

}  // namespace syncline::sql
