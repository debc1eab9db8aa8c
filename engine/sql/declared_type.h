#pragma once

#include <string>
#include <string_view>

#include "engine/model/schema.h"

namespace syncline::sql {

// What declared types consist of, and how statements name them. All functions are pure.

// ASCII letters in upper case.
std::string Upper(std::string_view text);

// What a SQLite column of that declared type, in upper case, holds by SQLite's affinity rules:
// kOther for NUMERIC affinity, which says nothing of what is meant ("STRING" has it).
Type AffinityOf(std::string_view upper);

// "(12,2)" or "(12)" of such a text; empty for any other one.
std::string NumbersOf(std::string_view parenthesized);

// A declared type as a statement may name it. It is put together anew from the words, names and
// numbers of the text, of which nothing else is taken over: what a catalogue or a log calls a type
// may be any text. In PostgreSQL that is what format_type() writes, and StopError for what is not
// written so. In SQLite it is words and up to two numbers in parentheses; for anything else a type
// of the same affinity (TEXT where the text asks for none).
std::string DeclaredType(std::string_view native_type, Dialect dialect);

}  // namespace syncline::sql
