#include "capture/moved_column.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "capture/sql_words.h"

namespace syncline::capture {
namespace {

using Words = std::span<const std::string>;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool Has(Words words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

template <typename List>
bool HasOneOf(Words words, const List& list) {
  return std::ranges::any_of(list, [&](std::string_view word) { return Has(words, word); });
}

// Up to what ends a statement.
Words Statement(Words words) {
  const auto end = std::ranges::find(words, ";");
  return words.first(static_cast<size_t>(end - words.begin()));
}

// The words of a trigger between WHEN and what comes then.
Words WhenOf(Words words, std::string_view then) {
  const auto when = std::ranges::find(words, "when");
  const auto end = std::find(when, words.end(), then);
  return when == words.end() ? Words() : Words(when + 1, end);
}

// A guard that lets every update pass that has not set the column itself.
bool AsksOnlyForColumn(Words when, std::string_view column) {
  for (size_t i = 0; i < when.size(); ++i) {
    const std::string& word = when[i];
    const bool known = word == "new" || word == "old" || word == "." || word == "(" ||
                       word == ")" || word == "=" || word == "is" || word == "<" || word == column;
    if (!known) return false;
  }
  return Has(when, "=") || Has(when, "is");
}

// UPDATE t SET .. column = <that> ..: the words of each <that> up to the next statement.
std::vector<Words> SetsIn(Words body, std::string_view table, std::string_view column) {
  std::vector<Words> sets;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != "update") continue;
    const Words statement = Statement(body.subspan(i));
    const auto set = std::ranges::find(statement, "set");
    if (!Has({statement.begin(), set}, table)) continue;
    for (auto at = set; at != statement.end() && *at != "where"; ++at) {
      if (*at != column || at + 1 == statement.end() || *(at + 1) != "=") continue;
      sets.emplace_back(at + 2, statement.end());
      break;
    }
  }
  return sets;
}

// A number above all others: that of the table itself, or of a counter that the trigger moves.
bool CountsUp(Words value, Words body, std::string_view column) {
  return Has(body, "+") && (Has(value, "select") || (Has(value, "max") && Has(value, column)));
}

// A column and what it is compared with, one of them NEW's or OLD's of the same name; how many
// words that were, 0 for anything else.
size_t OwnKey(Words words) {
  const auto is_row = [&](size_t at) {
    return at + 2 < words.size() && (words[at] == "new" || words[at] == "old") &&
           words[at + 1] == ".";
  };
  const size_t left = is_row(0) ? 2 : 0;
  if (left + 1 >= words.size() || (words[left + 1] != "=" && words[left + 1] != "is")) return 0;
  const size_t right = left + 2 + (is_row(left + 2) ? 2 : 0);
  const bool one_side = (left == 2) != (right == left + 4);
  return right < words.size() && one_side && words[left] == words[right] ? right + 1 : 0;
}

// Whether an UPDATE of a trigger, from its SET on, is for the row that the trigger was fired by, or
// for all rows.
bool IsForOwnRow(Words statement) {
  const auto where = std::ranges::find(statement, "where");
  if (where == statement.end()) return true;
  std::vector<std::string> words(where + 1, statement.end());
  std::erase_if(words, [](const std::string& word) { return word == "(" || word == ")"; });
  Words left = words;
  for (;;) {
    const size_t taken = OwnKey(left);
    if (taken == 0) return false;
    left = left.subspan(taken);
    if (left.empty()) return true;
    if (left[0] != "and") return false;
    left = left.subspan(1);
  }
}

}  // namespace

SqliteMove MoveOf(std::string_view trigger, std::string_view table, std::string_view column) {
  const std::vector<std::string> words = SqlWords(trigger);
  const std::string name = Lower(column);
  const auto begin = std::ranges::find(words, "begin");
  const Words head(words.begin(), begin);
  const Words body(begin, words.end());
  const Words when = WhenOf(head, "begin");
  SqliteMove move;
  bool moves = false;
  for (const Words set : SetsIn(body, Lower(table), name)) {
    const std::vector<std::string> value(set.begin(), std::ranges::find(set, "where"));
    const bool stamps = GivesSqliteTime(value) || CountsUp(value, body, name);
    move.other |= !stamps;
    moves |= stamps && IsForOwnRow(set);
    move.local_time |= IsLocalTime(value);
  }
  move.guarded = !when.empty();
  // Without AFTER it is BEFORE: whether the row has the stamp then is not defined.
  if (!moves || !Has(head, "after") || (move.guarded && !AsksOnlyForColumn(when, name))) {
    return {.other = move.other};
  }
  // The event stands right before ON, or before OF and its columns: then others do not count.
  for (size_t i = 0; i + 1 < head.size(); ++i) {
    if (head[i + 1] != "on") continue;
    move.on_insert |= head[i] == "insert" && !move.guarded;
    move.on_update |= head[i] == "update";
  }
  return move;
}

bool GivesSqliteTime(const std::vector<std::string>& words) {
  // A day, or a time of day, is the same again later; a modifier makes another moment of it.
  static constexpr std::string_view kCoarse[] = {"current_date", "current_time", "date", "time"};
  if (HasOneOf(words, kCoarse)) return false;
  for (const std::string& word : words) {
    static constexpr std::string_view kPlain[] = {"'now", "'localtime", "'utc", "'subsec",
                                                  "'subsecond"};
    if (!word.starts_with("'") || HasOneOf(std::span(&word, 1), kPlain)) continue;
    const bool is_format = word.find('%') != word.npos;
    const bool has_seconds = word.find("%s") != word.npos || word.find("%f") != word.npos;
    if (is_format && !has_seconds) return false;
    if (!is_format && word.find_first_of("+-") != word.npos) return false;
    if (word.starts_with("'start of") || word.starts_with("'weekday")) return false;
  }
  static constexpr std::string_view kTimes[] = {"current_timestamp", "'now"};
  if (HasOneOf(words, kTimes)) return true;
  for (size_t i = 0; i + 2 < words.size(); ++i) {
    const bool function =
        words[i] == "unixepoch" || words[i] == "julianday" || words[i] == "datetime";
    if (function && words[i + 1] == "(" && words[i + 2] == ")") return true;
  }
  return false;
}

bool IsLocalTime(const std::vector<std::string>& words) { return Has(words, "'localtime"); }

bool IsCreationName(std::string_view column) {
  static constexpr std::string_view kBeginnings[] = {"creat", "insert", "added", "registered",
                                                     "born",  "signed", "opened"};
  const std::string name = Lower(column);
  return std::ranges::any_of(kBeginnings,
                             [&](std::string_view word) { return name.starts_with(word); }) ||
         name.find("_creat") != name.npos || name.find("creation") != name.npos ||
         name.ends_with("_inserted") || name.ends_with("_added");
}

}  // namespace syncline::capture
