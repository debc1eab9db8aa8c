#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::capture {

// What SqlWords does not take apart.
inline constexpr std::string_view kOpaqueWord = "?";

// How a database takes text apart, as far as the databases differ. Plain value type.
struct WordRules {
  bool has_bracket_names;  // [a] and `a` are names in quotes
  bool has_dollar_texts;   // $$a$$ is a text, E'a' one with escapes, and a backslash may be one
  bool comments_nest;      // stand in one another
};

inline constexpr WordRules kPostgresWords{
    .has_bracket_names = false, .has_dollar_texts = true, .comments_nest = true};
inline constexpr WordRules kSqliteWords{
    .has_bracket_names = true, .has_dollar_texts = false, .comments_nest = false};

// The words of SQL or PL/pgSQL text as that database takes it apart, to be looked at and never run.
// Pure; takes any bytes.
// - Names without quotes and keywords: in lower case.
// - Names in quotes: a " and the name as it is. SQLite's [a] and `a` are such names, too.
// - Texts: a ' and what they hold, as it is.
// - ":=", and every other character: by itself.
// - kOpaqueWord: dollar quotes, texts with escapes or with a backslash, and what is not closed.
// Comments are left out; PostgreSQL's stand in one another.
std::vector<std::string> SqlWords(std::string_view text, const WordRules& rules);

// Part of a statement, as words.
using Words = std::span<const std::string>;
using WordList = std::initializer_list<std::string_view>;

bool IsOneOf(std::string_view word, WordList list);
bool Has(Words words, std::string_view word);
bool Are(Words words, WordList list);
// (a) is a.
Words WithoutParentheses(Words words);

// In lower case, as both databases take names without quotes: letters of ASCII only.
std::string LowerName(std::string_view name);

}  // namespace syncline::capture
