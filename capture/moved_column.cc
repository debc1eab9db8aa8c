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

// `words` begin so.
bool Begin(Words words, std::initializer_list<std::string_view> with) {
  return words.size() >= with.size() && std::equal(with.begin(), with.end(), words.begin());
}

constexpr std::string_view kMoments[] = {"now",
                                         "current_timestamp",
                                         "transaction_timestamp",
                                         "statement_timestamp",
                                         "clock_timestamp",
                                         "localtimestamp",
                                         "current_date"};
// With these it may be another moment, or none.
constexpr std::string_view kChangers[] = {"-",        "interval",  "timezone", "zone",
                                          "case",     "coalesce",  "nullif",   "least",
                                          "greatest", "date_trunc"};

// Up to what ends a statement.
Words Statement(Words words) {
  const auto end = std::ranges::find(words, ";");
  return words.first(static_cast<size_t>(end - words.begin()));
}

bool Gives(Words words, Stamp stamp) {
  if (stamp == Stamp::kSequence) return Has(words, "nextval") && !HasOneOf(words, kChangers);
  if (stamp == Stamp::kTransaction) {
    return HasOneOf(words, std::initializer_list<std::string_view>{"pg_current_xact_id",
                                                                   "txid_current"}) &&
           !HasOneOf(words, kChangers);
  }
  return HasOneOf(words, kMoments) && !HasOneOf(words, kChangers);
}

// What an IF of a trigger function asks.
enum class Asked {
  kIsUpdate,    // holds in every update
  kIsNoUpdate,  // holds in none
  kIsChange,    // holds in every update that changes something
  kIsNoChange,  // holds in none of those
  kElse,        // something else
};

// NEW.*, NEW, OLD.* and what compares them as wholes.
bool ComparesWholes(Words words) {
  static constexpr std::string_view kKnown[] = {"new", "old", ".",   "*",        "row", "(",
                                                ")",   "is",  "not", "distinct", "from"};
  if (!Has(words, "distinct") || !Has(words, "new") || !Has(words, "old")) return false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (std::ranges::find(kKnown, words[i]) == std::end(kKnown)) return false;
    if (words[i] == "." && (i + 1 == words.size() || words[i + 1] != "*")) return false;
  }
  return true;
}

Asked Ask(Words words) {
  if (ComparesWholes(words)) {
    // NOT (a IS DISTINCT FROM b), and a IS NOT DISTINCT FROM b
    const auto nots = std::ranges::count(words, "not");
    return nots == 0 ? Asked::kIsChange : nots == 1 ? Asked::kIsNoChange : Asked::kElse;
  }
  static constexpr std::string_view kKnown[] = {"tg_op", "=",  "in",      "(",       ")",
                                                ",",     "or", "'insert", "'update", "'delete"};
  for (const std::string& word : words) {
    if (std::ranges::find(kKnown, word) == std::end(kKnown)) return Asked::kElse;
  }
  if (!Has(words, "tg_op")) return Asked::kElse;
  return Has(words, "'update") ? Asked::kIsUpdate : Asked::kIsNoUpdate;
}

Asked Opposite(Asked asked) {
  switch (asked) {
    case Asked::kIsUpdate:
      return Asked::kIsNoUpdate;
    case Asked::kIsNoUpdate:
      return Asked::kIsUpdate;
    case Asked::kIsChange:
      return Asked::kIsNoChange;
    case Asked::kIsNoChange:
      return Asked::kIsChange;
    default:
      return Asked::kElse;
  }
}

bool HoldsForChanges(Asked asked) { return asked == Asked::kIsUpdate || asked == Asked::kIsChange; }
bool HoldsForNone(Asked asked) {
  return asked == Asked::kIsNoUpdate || asked == Asked::kIsNoChange;
}

// Walks over a function's statements, with the conditions that they stand under.
class FunctionWalk {
 public:
  FunctionWalk(Words words, std::string_view column, Stamp stamp)
      : words_(words), column_(column), stamp_(stamp) {}

  // A CASE, or a block whose errors are handled, is not understood.
  bool Moves() {
    if (Has(words_, "case") || HandlesErrors()) return false;
    bool moved = false;
    for (size_t at = 0; at < words_.size(); ++at) {
      const Words rest = words_.subspan(at);
      if (Begin(rest, {"end", "if"})) {
        if (!asked_.empty()) asked_.pop_back();
        ++at;
      } else if (rest[0] == "if") {
        asked_.push_back(Ask(Condition(rest.subspan(1))));
      } else if (rest[0] == "elsif" || rest[0] == "elseif" || rest[0] == "loop") {
        // The rest of a loop runs once, or never, or not at once: nothing is known of it.
        if (asked_.empty()) asked_.push_back(Asked::kElse);
        asked_.back() = Asked::kElse;
      } else if (rest[0] == "else" && !asked_.empty()) {
        asked_.back() = Opposite(asked_.back());
      } else if (rest[0] == "return" && !NotForChanges()) {
        return moved && !Begin(rest, {"return", "old"});
      } else if (IsAssignment(rest)) {
        moved = moved || std::ranges::all_of(asked_, HoldsForChanges);
        at += Statement(rest).size() - 1;
      } else if (moved && MayTakeBack(at)) {
        return false;
      }
    }
    return moved;
  }

 private:
  static Words Condition(Words words) {
    const auto end = std::ranges::find(words, "then");
    return words.first(static_cast<size_t>(end - words.begin()));
  }

  bool HandlesErrors() const {
    for (size_t i = 1; i < words_.size(); ++i) {
      if (words_[i] == "exception" && words_[i - 1] != "raise") return true;
    }
    return false;
  }

  // What stands there gives the column, or the whole row, another value.
  bool MayTakeBack(size_t at) const {
    static constexpr std::string_view kBefore[] = {";", "then", "else", "begin", "loop", "into"};
    const Words rest = words_.subspan(at);
    if (rest[0] != "new" || at == 0 || !HasOneOf(words_.subspan(at - 1, 1), kBefore)) return false;
    return rest.size() < 2 || rest[1] != "." || (rest.size() > 2 && rest[2] == column_);
  }

  bool NotForChanges() const { return std::ranges::any_of(asked_, HoldsForNone); }

  bool IsAssignment(Words rest) const {
    if (Begin(rest, {"new", "."}) && rest.size() > 4 && rest[2] == column_ &&
        (rest[3] == ":=" || rest[3] == "=")) {
      return Gives(Statement(rest.subspan(4)), stamp_);
    }
    // SELECT now() INTO NEW.column
    if (rest[0] != "select") return false;
    const Words statement = Statement(rest);
    const auto into = std::ranges::find(statement, "into");
    const Words behind(into, statement.end());
    return behind.size() == 4 && behind[1] == "new" && behind[3] == column_ &&
           Gives({statement.begin(), into}, stamp_);
  }

  const Words words_;
  const std::string column_;
  const Stamp stamp_;
  std::vector<Asked> asked_;
};

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

// UPDATE t SET .. column = <that> ..: the words of <that> up to the next statement; nothing: none.
Words SetIn(Words body, std::string_view table, std::string_view column) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != "update") continue;
    const Words statement = Statement(body.subspan(i));
    const auto set = std::ranges::find(statement, "set");
    if (!Has({statement.begin(), set}, table)) continue;
    for (auto at = set; at != statement.end() && *at != "where"; ++at) {
      if (*at == column && at + 1 != statement.end() && *(at + 1) == "=") {
        return {at + 2, statement.end()};
      }
    }
  }
  return {};
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

bool GivesStamp(const std::vector<std::string>& words, Stamp stamp) { return Gives(words, stamp); }

bool FunctionMoves(std::string_view text, std::string_view column, Stamp stamp) {
  const std::vector<std::string> words = SqlWords(text);
  return FunctionWalk(words, Lower(column), stamp).Moves();
}

bool FiresForEveryChange(std::string_view definition) {
  const std::vector<std::string> words = SqlWords(definition);
  const Words when = WhenOf(words, "execute");
  return when.empty() || Ask(when) == Asked::kIsChange;
}

SqliteMove MoveOf(std::string_view trigger, std::string_view table, std::string_view column) {
  const std::vector<std::string> words = SqlWords(trigger);
  const std::string name = Lower(column);
  const auto begin = std::ranges::find(words, "begin");
  const Words head(words.begin(), begin);
  const Words body(begin, words.end());
  const Words set = SetIn(body, Lower(table), name);
  if (set.empty()) return {};
  const bool counts = Has(set, "max") || Has(set, "select");
  const std::vector<std::string> value(set.begin(), std::ranges::find(set, "where"));
  if ((!GivesSqliteTime(value) && !counts) || !IsForOwnRow(set)) return {};
  const Words when = WhenOf(head, "begin");
  if (!when.empty() && !AsksOnlyForColumn(when, name)) return {};
  SqliteMove move{.local_time = IsLocalTime(value)};
  // The event stands right before ON, or before OF and its columns: then others do not count.
  for (size_t i = 0; i + 1 < head.size(); ++i) {
    if (head[i + 1] != "on") continue;
    move.on_insert |= head[i] == "insert";
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
