#include "capture/guarantees/moved_column.h"

#include <algorithm>
#include <initializer_list>
#include <span>

#include "capture/guarantees/sql_words.h"

namespace syncline::capture {
namespace {

// SQLite does not tell the case of names apart.
bool NamesAnyCase(std::string_view word, std::string_view name) {
  if (word.starts_with('"')) word.remove_prefix(1);
  return LowerName(word) == LowerName(name);
}

// Takes words from the front.
class Reader {
 public:
  explicit Reader(Words words) : left_(words) {}

  bool Take(std::initializer_list<std::string_view> list) {
    if (left_.size() < list.size() || !Are(left_.first(list.size()), list)) return false;
    left_ = left_.subspan(list.size());
    return true;
  }
  bool TakeName(std::string_view name) {
    if (left_.empty() || !NamesAnyCase(left_[0], name)) return false;
    left_ = left_.subspan(1);
    return true;
  }
  Words TakeUpTo(std::string_view end) {
    const auto found = std::ranges::find(left_, end);
    const Words words(left_.begin(), found);
    left_ = Words(found, left_.end());
    return words;
  }
  // Without its quotes; empty: it is no name.
  std::string TakeAnyName() {
    if (left_.empty() || left_[0].starts_with("'")) return "";
    const std::string& word = left_[0];
    left_ = left_.subspan(1);
    return word.starts_with('"') ? word.substr(1) : word;
  }
  Words left() const { return left_; }

 private:
  Words left_;
};

// A guard that lets every update pass that has not set the column itself: NEW.c = OLD.c, NEW.c IS
// OLD.c, either way round.
bool AsksOnlyForColumn(Words when, std::string_view column) {
  Reader reader(WithoutParentheses(when));
  const auto take = [&](std::string_view row) {
    return reader.Take({row, "."}) && reader.TakeName(column);
  };
  const bool new_first = take("new");
  if (!new_first && !take("old")) return false;
  if (!reader.Take({"="}) && !reader.Take({"is"})) return false;
  return take(new_first ? "old" : "new") && reader.left().empty();
}

// What the first UPDATE of the table that names the column gives it, and from WHERE on; empty: the
// body has none.
struct Set {
  Words value, where;
};
Set SetIn(Words body, const SqliteTable& table) {
  for (size_t i = 0; i + 1 < body.size(); ++i) {
    if (body[i] != "update") continue;
    Reader reader(body.subspan(i + 1));
    const Words statement = reader.TakeUpTo(";");
    const auto set = std::ranges::find(statement, "set");
    const auto is_table = [&](std::string_view word) { return NamesAnyCase(word, table.name); };
    if (std::none_of(statement.begin(), set, is_table)) continue;
    for (auto at = set; at != statement.end() && *at != "where"; ++at) {
      if (!NamesAnyCase(*at, table.column) || at + 1 == statement.end() || *(at + 1) != "=")
        continue;
      const auto where = std::find(at + 2, statement.end(), "where");
      return {{at + 2, where}, {where, statement.end()}};
    }
  }
  return {};
}

// k = NEW.k, NEW.k IS k, for each column of the key, with AND; or so for rowid.
bool IsForOwnRow(Words where, const SqliteTable& table) {
  std::vector<std::string> named;
  Reader reader(WithoutParentheses(where));
  do {
    const bool new_first = reader.Take({"new", "."});
    const std::string name = reader.TakeAnyName();
    const bool is = reader.Take({"is"});
    if (name.empty() || (!is && !reader.Take({"="}))) return false;
    if ((!new_first && !reader.Take({"new", "."})) || !reader.TakeName(name)) return false;
    const bool is_rowid = table.has_rowid && NamesAnyCase(name, "rowid");
    if (!is && table.key_has_null && !is_rowid) return false;
    named.push_back(name);
  } while (reader.Take({"and"}));
  if (!reader.left().empty()) return false;
  if (table.has_rowid && named.size() == 1 && NamesAnyCase(named[0], "rowid")) return true;
  const auto is_named = [&](const std::string& column) {
    return std::ranges::any_of(named,
                               [&](const std::string& word) { return NamesAnyCase(word, column); });
  };
  return !table.key.empty() && named.size() == table.key.size() &&
         std::ranges::all_of(table.key, is_named);
}

// A number above all others that are there: the table's highest, or a counter's that the trigger
// moves.
bool CountsUp(const Set& set, Words body, const SqliteTable& table) {
  const auto is_column = [&](std::string_view word) { return NamesAnyCase(word, table.column); };
  return Has(body, "+") && !set.where.empty() && IsForOwnRow(set.where.subspan(1), table) &&
         (Has(set.value, "select") ||
          (Has(set.value, "max") && std::ranges::any_of(set.value, is_column)));
}

// UPDATE t SET c = <the moment> WHERE <its own row>; and nothing else.
bool IsPlainStamp(Words body, const SqliteTable& table) {
  Reader reader(body);
  if (!reader.Take({"update"}) || !reader.TakeName(table.name) || !reader.Take({"set"}) ||
      !reader.TakeName(table.column) || !reader.Take({"="})) {
    return false;
  }
  const Words value = reader.TakeUpTo("where");
  if (!GivesSqliteTime({value.begin(), value.end()}) || !reader.Take({"where"})) return false;
  const Words where = reader.TakeUpTo(";");
  return IsForOwnRow(where, table) && reader.Take({";", "end"}) &&
         (reader.left().empty() || Are(reader.left(), {";"}));
}

bool WritesTable(Words body, const SqliteTable& table) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != "update" && body[i] != "into") continue;
    // OR REPLACE, a schema
    for (size_t next = i + 1; next < body.size() && next <= i + 5; ++next) {
      if (NamesAnyCase(body[next], table.name)) return true;
    }
  }
  return false;
}

}  // namespace

SqliteMove MoveOf(std::string_view trigger, const SqliteTable& table) {
  const std::vector<std::string> words = SqlWords(trigger, kSqliteWords);
  const auto begin = std::ranges::find(words, "begin");
  Reader head(Words(words.begin(), begin));
  const Words body(begin == words.end() ? begin : begin + 1, words.end());
  const bool is_plain = IsPlainStamp(body, table);
  const Set set = SetIn(body, table);
  SqliteMove move;
  move.local_time = IsLocalTime({set.value.begin(), set.value.end()});
  move.counted = CountsUp(set, body, table);
  move.other = !set.value.empty() && !move.counted && !is_plain;
  if (!Has(head.left(), "delete")) {
    move.ignores = Has(body, "ignore") || Has(body, kOpaqueWord);
    move.writes_table = !is_plain && WritesTable(body, table);
    move.writes = !is_plain && (Has(body, "update") || Has(body, "into") || Has(body, "delete"));
  }
  // Without AFTER it is BEFORE: whether the row has the stamp then is not defined. An event that is
  // followed by OF and columns is not every one.
  head.TakeUpTo("after");
  const bool is_after = head.Take({"after"});
  const bool on_insert = head.Take({"insert", "on"});
  const bool on_update = head.Take({"update", "on"});
  if (!is_after || !(on_insert || on_update) || !head.TakeName(table.name)) return move;
  head.Take({"for", "each", "row"});
  const bool guarded = head.Take({"when"});
  if (guarded && !AsksOnlyForColumn(head.left(), table.column)) return move;
  move.guarded = guarded;
  const bool stamps = is_plain || move.counted;
  move.on_insert = stamps && on_insert && !guarded;
  move.on_update = stamps && on_update;
  return move;
}

bool GivesSqliteTime(const std::vector<std::string>& all) {
  Reader reader(WithoutParentheses(all));
  if (Are(reader.left(), {"current_timestamp"})) return true;
  if (reader.left().empty()) return false;
  const std::string function = reader.left()[0];
  if (function == "strftime") {
    // Forms of which later moments come later, in the order of texts or of numbers.
    static constexpr std::string_view kForms[] = {"'%Y-%m-%d %H:%M:%S",
                                                  "'%Y-%m-%d %H:%M:%f",
                                                  "'%Y-%m-%dT%H:%M:%S",
                                                  "'%Y-%m-%dT%H:%M:%f",
                                                  "'%Y-%m-%dT%H:%M:%SZ",
                                                  "'%Y-%m-%dT%H:%M:%fZ",
                                                  "'%Y-%m-%d %H:%M:%SZ",
                                                  "'%Y-%m-%d %H:%M:%fZ",
                                                  "'%s",
                                                  "'%J"};
    const bool is_form = std::ranges::any_of(kForms, [&](std::string_view form) {
      return reader.Take({"strftime", "(", form, ","});
    });
    if (!is_form) return false;
  } else if (function == "datetime" || function == "unixepoch" || function == "julianday") {
    if (reader.Take({function, "(", ")"})) return reader.left().empty();
    if (!reader.Take({function, "("})) return false;
  } else {
    return false;
  }
  if (!reader.Take({"'now"})) return false;
  if (!reader.Take({",", "'subsec"})) reader.Take({",", "'subsecond"});
  return Are(reader.left(), {")"});
}

bool IsLocalTime(const std::vector<std::string>& words) { return Has(words, "'localtime"); }

bool IsCreationName(std::string_view column) {
  static constexpr std::string_view kBeginnings[] = {"creat", "insert", "added", "registered",
                                                     "born",  "signed", "opened"};
  const std::string name = LowerName(column);
  return std::ranges::any_of(kBeginnings,
                             [&](std::string_view word) { return name.starts_with(word); }) ||
         name.find("_creat") != name.npos || name.find("creation") != name.npos ||
         name.ends_with("_inserted") || name.ends_with("_added");
}

}  // namespace syncline::capture
