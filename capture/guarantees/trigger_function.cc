#include "capture/guarantees/trigger_function.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>

#include "capture/guarantees/sql_words.h"

namespace syncline::capture {
namespace {

bool Begin(Words words, WordList list) {
  return words.size() >= list.size() && Are(words.first(list.size()), list);
}
bool IsNumber(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == word.npos;
}
bool IsName(std::string_view word) {
  return word.starts_with('"') ||
         (!word.empty() && (word[0] == '_' || (word[0] >= 'a' && word[0] <= 'z') ||
                            static_cast<unsigned char>(word[0]) >= 0x80));
}
// A name without quotes is a word in lower case.
bool NamesColumn(std::string_view word, std::string_view column) {
  return word == column || (word.starts_with('"') && word.substr(1) == column);
}

// Up to what ends a statement, or the first of these words.
Words UpTo(Words words, WordList ends) {
  const auto end =
      std::ranges::find_if(words, [&](std::string_view word) { return IsOneOf(word, ends); });
  return words.first(static_cast<size_t>(end - words.begin()));
}

// Nothing of a stamp is lost by it. A local time of an hour that autumn repeats is two moments.
bool KeepsStamp(Words type, Stamp::Kind kind) {
  const bool is_moment = kind == Stamp::kMoment || kind == Stamp::kLocalTime || kind == Stamp::kDay;
  if (!is_moment) {
    return type.size() == 1 && IsOneOf(type[0], {"bigint", "int8", "numeric", "text", "xid8"});
  }
  const auto fits = [&](const std::string& word) {
    if (kind == Stamp::kDay && word == "date") return true;
    return IsNumber(word) || IsOneOf(word, {"timestamptz", "timestamp", "with", "without", "time",
                                            "zone", "(", ")", "pg_catalog", "."});
  };
  const bool is_local = Has(type, "timestamp") && !Has(type, "with");
  return std::ranges::all_of(type, fits) && !(kind == Stamp::kMoment && is_local);
}

// a::timestamptz(3) is a.
Words WithoutCasts(Words words, Stamp::Kind kind) {
  for (;;) {
    words = WithoutParentheses(words);
    size_t at = words.size();
    while (at >= 2 && !(words[at - 1] == ":" && words[at - 2] == ":")) --at;
    if (at < 2) return words;
    const Words type = words.subspan(at);
    if (!KeepsStamp(type, kind)) return words;
    words = words.first(at - 2);
  }
}

bool NamesSequence(std::string_view literal, const Stamp& stamp) {
  return literal.starts_with("'") &&
         (stamp.sequence.empty() ||
          std::ranges::find(stamp.sequence, literal.substr(1)) != stamp.sequence.end());
}

bool Gives(Words words, const Stamp& stamp) {
  words = stamp.qualified ? WithoutParentheses(words) : WithoutCasts(words, stamp.kind);
  const bool is_time = stamp.kind != Stamp::kSequence && stamp.kind != Stamp::kTransaction;
  if (is_time && !words.empty()) {
    // Words of the language, which no schema has another one of.
    const std::string& word = words[0];
    if (word == "current_timestamp" || (word == "localtimestamp" && stamp.kind != Stamp::kMoment)) {
      return words.size() == 1 || (words.size() == 4 && words[1] == "(" && IsNumber(words[2]));
    }
    if (Are(words, {"current_date"})) return stamp.kind == Stamp::kDay;
  }
  const bool is_qualified = Begin(words, {"pg_catalog", "."});
  if (is_qualified) words = words.subspan(2);
  if (words.empty() || (stamp.qualified && !is_qualified)) return false;
  const std::string& name = words[0];
  const Words arguments = words.subspan(1);
  const bool none = Are(arguments, {"(", ")"});
  switch (stamp.kind) {
    case Stamp::kSequence: {
      if (name != "nextval" || arguments.size() < 3 || arguments[0] != "(") return false;
      const Words rest = arguments.subspan(2);
      const bool closes = Are(rest, {")"}) || Are(rest, {":", ":", "regclass", ")"});
      return closes && NamesSequence(arguments[1], stamp);
    }
    case Stamp::kTransaction:
      return none && IsOneOf(name, {"pg_current_xact_id", "txid_current"});
    case Stamp::kDay:
    case Stamp::kLocalTime:
    case Stamp::kMoment:
      return none && IsOneOf(name, {"now", "transaction_timestamp", "statement_timestamp",
                                    "clock_timestamp"});
  }
  return false;
}

// Whether a condition holds in a write of that kind.
enum class Held { kAlways, kPerhaps, kNever };

// How NEW and OLD are compared as wholes.
enum class Compared { kNot, kEqual, kDistinct, kStored };

Compared ComparesRows(Words words) {
  words = WithoutParentheses(words);
  const auto take_row = [&]() -> std::string_view {
    if (words.empty() || !IsOneOf(words[0], {"new", "old"})) return "";
    const std::string_view row = words[0];
    words = words.subspan(Begin(words.subspan(1), {".", "*"}) ? 3 : 1);
    return row;
  };
  const auto take = [&](WordList list) {
    if (!Begin(words, list)) return false;
    words = words.subspan(list.size());
    return true;
  };
  const std::string_view left = take_row();
  const Compared compared = take({"is", "distinct", "from"})          ? Compared::kDistinct
                            : take({"is", "not", "distinct", "from"}) ? Compared::kEqual
                            : take({"*", "<", ">"})                   ? Compared::kStored
                            : take({"<", ">"})                        ? Compared::kDistinct
                                                                      : Compared::kNot;
  const std::string_view right = take_row();
  const bool both = !left.empty() && !right.empty() && left != right && words.empty();
  return both ? compared : Compared::kNot;
}

// TG_OP = 'INSERT', TG_OP IN ('INSERT', 'UPDATE'), and several of them with OR.
std::optional<bool> AsksForEvent(Words words, RowEvent event) {
  const std::string_view is = event == RowEvent::kInsert ? "'INSERT" : "'UPDATE";
  words = WithoutParentheses(words);
  if (words.size() == 3 && words[0] == "tg_op" && words[1] == "=" && words[2].starts_with("'")) {
    return words[2] == is;
  }
  if (Begin(words, {"tg_op", "in", "("}) && words.back() == ")") {
    const Words list = words.subspan(3, words.size() - 4);
    for (size_t i = 0; i < list.size(); ++i) {
      if (i % 2 == 0 ? !list[i].starts_with("'") : list[i] != ",") return {};
    }
    return Has(list, is);
  }
  const auto either = std::ranges::find(words, "or");
  if (either == words.end()) return {};
  const auto left = AsksForEvent({words.begin(), either}, event);
  const auto right = AsksForEvent({either + 1, words.end()}, event);
  return left && right ? std::optional(*left || *right) : std::nullopt;
}

Touch Worst(Touch a, Touch b) {
  if (a == b) return a;
  // One that stamps and one that does not.
  const Touch worst = std::max({a, b, Touch::kMayStamp});
  return worst == Touch::kLeaves ? Touch::kMayStamp : worst;
}
std::optional<Touch> Worst(std::optional<Touch> a, std::optional<Touch> b) {
  return a && b ? Worst(*a, *b) : a ? a : b;
}

// What statements do that are understood, each of them and wholly.
class FunctionWalk {
 public:
  // `changed`: NEW and OLD are known to be distinct.
  FunctionWalk(Words words, std::string_view column, const Stamp& stamp, RowEvent event,
               bool changed)
      : left_(words), column_(column), stamp_(stamp), event_(event), changed_(changed) {}

  // Nothing: the text is not understood.
  std::optional<Touch> Find() {
    Need({"begin"});
    const std::optional<Touch> end = Block(Touch::kLeaves);
    Need({"end"});
    if (Take({";"}); !understood_ || !left_.empty()) return {};
    return Worst(end, returned_).value_or(Touch::kLeaves);
  }

 private:
  bool Take(WordList list) {
    if (!Begin(left_, list)) return false;
    left_ = left_.subspan(list.size());
    return true;
  }
  void Need(WordList list) { understood_ &= Take(list); }
  Words TakeUpTo(WordList ends) {
    const Words words = UpTo(left_, ends);
    left_ = left_.subspan(words.size());
    understood_ &= !left_.empty();
    return words;
  }

  // It reads NEW and OLD, and calls nothing that could do more than that.
  Words Plain(Words words) {
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      understood_ &= word != kOpaqueWord && word != ":=" &&
                     !IsOneOf(word, {"select", "into", "execute", "begin", "end", "case", "values",
                                     "table", "return", "then", "loop"});
      if (i + 1 == words.size() || words[i + 1] != "(" || !IsName(word)) continue;
      const bool is_qualified = i > 0 && words[i - 1] == ".";
      understood_ &= !is_qualified || (i > 1 && words[i - 2] == "pg_catalog");
      understood_ &= IsOneOf(word, {"and",
                                    "or",
                                    "not",
                                    "in",
                                    "is",
                                    "from",
                                    "row",
                                    "coalesce",
                                    "nullif",
                                    "greatest",
                                    "least",
                                    "lower",
                                    "upper",
                                    "trim",
                                    "btrim",
                                    "length",
                                    "now",
                                    "clock_timestamp",
                                    "statement_timestamp",
                                    "transaction_timestamp",
                                    "nextval",
                                    "txid_current",
                                    "pg_current_xact_id"}) ||
                     Gives(words, stamp_);
    }
    understood_ &= !words.empty();
    return words;
  }

  // What the column is after it; nothing: no statement after it is reached.
  std::optional<Touch> Block(std::optional<Touch> now) {
    while (understood_ && !left_.empty() && !IsOneOf(left_[0], {"end", "else", "elsif", "elseif"}))
      now = Statement(now);
    return now;
  }

  std::optional<Touch> Statement(std::optional<Touch> now) {
    if (Take({"null", ";"})) return now;
    if (Take({"if"})) return If(now);
    if (Take({"return"})) return Return(now);
    if (Take({"raise"})) {
      Plain(TakeUpTo({";"}));
      Need({";"});
      return now;
    }
    // NEW.a := b, NEW.a = b
    Need({"new", "."});
    if (left_.size() < 2 || !IsName(left_[0]) || !IsOneOf(left_[1], {":=", "="})) {
      understood_ = false;
      return now;
    }
    const bool counts = now && NamesColumn(left_[0], column_);
    left_ = left_.subspan(2);
    const Words value = Plain(TakeUpTo({";"}));
    Need({";"});
    if (!counts) return now;
    if (Gives(value, stamp_)) return Touch::kStamps;
    return value.size() == 3 && value[0] == "old" && NamesColumn(value[2], column_)
               ? Touch::kTakesBack
               : Touch::kOther;
  }

  // NULL writes no row.
  std::optional<Touch> Return(std::optional<Touch> now) {
    const Words row = WithoutParentheses(TakeUpTo({";"}));
    Need({";"});
    if (!now || Are(row, {"null"})) return {};
    if (Are(row, {"old"})) {
      now = event_ == RowEvent::kInsert ? Touch::kLeaves : Touch::kTakesBack;
    } else {
      understood_ &= Are(row, {"new"}) || Are(row, {"coalesce", "(", "new", ",", "old", ")"});
    }
    returned_ = Worst(now, returned_);
    return {};
  }

  Held Ask(Words words) {
    if (const auto asks = AsksForEvent(words, event_)) return *asks ? Held::kAlways : Held::kNever;
    const Compared compared = ComparesRows(words);
    if (compared == Compared::kNot || !changed_) return Held::kPerhaps;
    return compared == Compared::kEqual ? Held::kNever : Held::kAlways;
  }

  std::optional<Touch> If(const std::optional<Touch> before) {
    std::optional<Touch> after;
    std::optional<Touch> others = before;  // nothing: no branch that follows can be taken
    for (bool is_else = false; understood_;) {
      const Held held = is_else ? Held::kAlways : Ask(Plain(TakeUpTo({"then"})));
      if (!is_else) Need({"then"});
      after = Worst(after, Block(held == Held::kNever ? std::nullopt : others));
      if (held == Held::kAlways) others.reset();
      if (Take({"end", "if", ";"})) break;
      understood_ &= !is_else;
      if (Take({"else"})) {
        is_else = true;
      } else if (!Take({"elsif"})) {
        Need({"elseif"});
      }
    }
    return Worst(after, others);
  }

  Words left_;
  const std::string_view column_;
  const Stamp& stamp_;
  const RowEvent event_;
  const bool changed_;
  bool understood_ = true;
  std::optional<Touch> returned_;  // by what was passed
};

// Of a text that is not understood, by the words that stand in it.
Touch Suspect(Words words, std::string_view column) {
  bool leaves = !Has(words, kOpaqueWord);
  for (size_t i = 0; i < words.size(); ++i) {
    const Words rest = words.subspan(i);
    const bool to_old = rest.size() > 6 && Begin(rest, {"new", "."}) &&
                        NamesColumn(rest[2], column) && IsOneOf(rest[3], {":=", "="}) &&
                        Begin(rest.subspan(4), {"old", "."}) && NamesColumn(rest[6], column);
    if (to_old || Begin(rest, {"new", ":=", "old"}) || Begin(rest, {"new", "=", "old", ";"}) ||
        Begin(rest, {"return", "old"})) {
      return Touch::kTakesBack;
    }
    const bool starts =
        i == 0 || IsOneOf(words[i - 1], {";", "then", "else", "begin", "loop", ">"});
    const bool sets = starts && rest[0] == "new" &&
                      (rest.size() < 3 || rest[1] != "." || NamesColumn(rest[2], column));
    const bool into =
        rest[0] == "new" && i > 0 && IsOneOf(words[i - 1], {"into", "strict", "for", "foreach"});
    const bool lists = rest[0] == "into" && i > 0 && words[i - 1] != "insert" &&
                       Has(UpTo(rest, {";"}), ",") && Has(UpTo(rest, {";"}), "new");
    const bool returns = rest[0] == "return" && rest.size() > 1 &&
                         !Begin(rest.subspan(1), {"new", ";"}) &&
                         !IsOneOf(rest[1], {"null", "coalesce"});
    leaves &= !sets && !into && !lists && !returns &&
              !IsOneOf(rest[0], {"alias", "execute", "call", "diagnostics"});
  }
  return leaves ? Touch::kSeemsToLeave : Touch::kOther;
}

}  // namespace

bool GivesStamp(const std::vector<std::string>& words, const Stamp& stamp) {
  return Gives(words, stamp);
}

Touch FunctionTouch(std::string_view text, std::string_view column, const Stamp& stamp,
                    RowEvent event) {
  const std::vector<std::string> words = SqlWords(text, kPostgresWords);
  const auto find = [&](bool changed) {
    return FunctionWalk(words, column, stamp, event, changed).Find();
  };
  const std::optional<Touch> touch = find(false);
  if (!touch) return Suspect(words, column);
  const bool where_changed = event == RowEvent::kUpdate && *touch != Touch::kStamps &&
                             *touch < Touch::kOther && find(true) == Touch::kStamps;
  return where_changed ? Touch::kStampsChanged : *touch;
}

Fires FiresWhen(std::string_view definition, RowEvent event) {
  const std::vector<std::string> words = SqlWords(definition, kPostgresWords);
  const Words rest(std::ranges::find(words, "when"), words.end());
  if (rest.empty()) return Fires::kAlways;
  if (event == RowEvent::kInsert) return Fires::kSometimes;
  const Compared compared = ComparesRows(UpTo(rest.subspan(1), {"execute"}));
  return compared == Compared::kStored     ? Fires::kRowStored
         : compared == Compared::kDistinct ? Fires::kRowDistinct
                                           : Fires::kSometimes;
}

}  // namespace syncline::capture
