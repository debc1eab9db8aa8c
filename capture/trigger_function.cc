#include "capture/trigger_function.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>

#include "capture/sql_words.h"

namespace syncline::capture {
namespace {

using Words = std::span<const std::string>;
using List = std::initializer_list<std::string_view>;

bool IsOneOf(std::string_view word, const List& list) {
  return std::ranges::find(list, word) != list.end();
}
bool Has(Words words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}
bool Are(Words words, const List& list) { return std::ranges::equal(words, list); }
bool Begin(Words words, const List& list) {
  return words.size() >= list.size() && Are(words.first(list.size()), list);
}
bool AreAllOf(Words words, const List& list) {
  return std::ranges::all_of(words, [&](std::string_view word) { return IsOneOf(word, list); });
}
bool IsNumber(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == word.npos;
}

// Up to what ends a statement, or the first of these words.
Words UpTo(Words words, const List& ends) {
  const auto end =
      std::ranges::find_if(words, [&](std::string_view word) { return IsOneOf(word, ends); });
  return words.first(static_cast<size_t>(end - words.begin()));
}
Words Statement(Words words) { return UpTo(words, {";"}); }

// (a) is a.
Words WithoutParentheses(Words words) {
  while (words.size() > 2 && words.front() == "(" && words.back() == ")") {
    const Words inner = words.subspan(1, words.size() - 2);
    int depth = 0;
    for (const std::string& word : inner) {
      depth += word == "(" ? 1 : word == ")" ? -1 : 0;
      if (depth < 0) return words;
    }
    words = inner;
  }
  return words;
}

// Nothing of a stamp is lost by it. A local time of an hour that autumn repeats is two moments.
bool KeepsStamp(Words type, Stamp::Kind kind) {
  const bool is_moment = kind == Stamp::kMoment || kind == Stamp::kLocalTime || kind == Stamp::kDay;
  if (!is_moment) return AreAllOf(type, {"bigint", "int8", "numeric", "text", "xid8"});
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

bool NamesSequence(std::string_view literal, const std::string& sequence) {
  std::string name(literal);
  std::erase(name, '"');
  return sequence.empty() || name == sequence || name == sequence.substr(sequence.find('.') + 1);
}

bool Gives(Words words, const Stamp& stamp) {
  words = WithoutCasts(words, stamp.kind);
  if (Begin(words, {"pg_catalog", "."})) words = words.subspan(2);
  if (words.empty()) return false;
  const std::string& name = words[0];
  const Words arguments = words.subspan(1);
  const bool none = Are(arguments, {"(", ")"});
  switch (stamp.kind) {
    case Stamp::kSequence: {
      if (name != "nextval" || arguments.size() < 3) return false;
      const std::string& literal = arguments[1];
      const Words rest = arguments.subspan(2);
      return literal.starts_with("'") && NamesSequence(literal.substr(1), stamp.sequence) &&
             (Are(rest, {")"}) || Are(rest, {":", ":", "regclass", ")"}));
    }
    case Stamp::kTransaction:
      return none && IsOneOf(name, {"pg_current_xact_id", "txid_current"});
    case Stamp::kDay:
      if (name == "current_date" && arguments.empty()) return true;
      [[fallthrough]];
    case Stamp::kLocalTime:
    case Stamp::kMoment:
      if (name == "current_timestamp" ||
          (name == "localtimestamp" && stamp.kind != Stamp::kMoment)) {
        return arguments.empty() || (arguments.size() == 3 && IsNumber(arguments[1]));
      }
      return none && IsOneOf(name, {"now", "transaction_timestamp", "statement_timestamp",
                                    "clock_timestamp"});
  }
  return false;
}

// Whether a condition holds in a write of that kind that changes something.
enum class Held { kAlways, kPerhaps, kNever };

Held Not(Held held) {
  return held == Held::kAlways ? Held::kNever : held == Held::kNever ? Held::kAlways : held;
}
Held And(Held a, Held b) {
  if (a == Held::kNever || b == Held::kNever) return Held::kNever;
  return a == Held::kAlways && b == Held::kAlways ? Held::kAlways : Held::kPerhaps;
}

// NEW.*, NEW, OLD.* and what compares them as wholes.
bool ComparesWholes(Words words) {
  if (!Has(words, "distinct") || !Has(words, "new") || !Has(words, "old")) return false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "." && (i + 1 == words.size() || words[i + 1] != "*")) return false;
  }
  return AreAllOf(words,
                  {"new", "old", ".", "*", "row", "(", ")", "is", "not", "distinct", "from"});
}

Held Ask(Words words, RowEvent event) {
  if (ComparesWholes(words)) {
    // NOT (a IS DISTINCT FROM b), and a IS NOT DISTINCT FROM b. An insert has no OLD.
    const auto nots = std::ranges::count(words, "not");
    if (event == RowEvent::kInsert || nots > 1) return Held::kPerhaps;
    return nots == 0 ? Held::kAlways : Held::kNever;
  }
  if (!Has(words, "tg_op") || !AreAllOf(words, {"tg_op", "=", "in", "(", ")", ",", "or", "'insert",
                                                "'update", "'delete"})) {
    return Held::kPerhaps;
  }
  return Has(words, event == RowEvent::kInsert ? "'insert" : "'update") ? Held::kAlways
                                                                        : Held::kNever;
}

// Walks over a function's statements, with the conditions that they stand under.
class FunctionWalk {
 public:
  FunctionWalk(Words words, std::string_view column, const Stamp& stamp, RowEvent event)
      : words_(words), column_(column), stamp_(stamp), event_(event) {}

  Touch Find() {
    const bool in_order = !Has(words_, "case") && !HandlesErrors() && !LeavesBlocks();
    for (size_t at = 0; at < words_.size(); ++at) {
      if (in_order && TakeBranch(at)) continue;
      const Held held = in_order ? Here() : Held::kPerhaps;
      if (held == Held::kNever) continue;
      if (words_[at] == "return" && IsStart(at)) {
        Return(Statement(words_.subspan(at + 1)));
        if (held == Held::kAlways) return returned_.value_or(Touch::kLeaves);
      } else if (const std::optional<Touch> touch = TouchAt(at)) {
        Note(*touch, held);
      }
    }
    return Worst(now_, returned_);
  }

 private:
  // Statements from an IF, or a LOOP, on.
  struct Branch {
    Held here = Held::kPerhaps;
    Held others = Held::kPerhaps;  // no branch before it was taken
  };

  static Touch Worst(Touch a, std::optional<Touch> b) {
    if (!b || a == *b) return a;
    // One that stamps and one that does not.
    return std::max({a, *b, Touch::kMayStamp}) == Touch::kLeaves ? Touch::kMayStamp
                                                                 : std::max({a, *b});
  }

  void Note(Touch touch, Held held) {
    if (held == Held::kAlways) {
      now_ = touch;
    } else if (touch == Touch::kStamps) {
      if (now_ == Touch::kLeaves) now_ = Touch::kMayStamp;
    } else {
      now_ = std::max(now_, touch);
    }
  }

  // What stands behind RETURN. NULL writes no row.
  void Return(Words row) {
    row = WithoutParentheses(row);
    if (Are(row, {"null"})) return;
    const bool is_new = Are(row, {"new"}) || Are(row, {"coalesce", "(", "new", ",", "old", ")"});
    const Touch touch = is_new ? now_ : Are(row, {"old"}) ? Touch::kTakesBack : Touch::kOther;
    returned_ = Worst(touch, returned_);
  }

  bool TakeBranch(size_t& at) {
    const Words rest = words_.subspan(at);
    if (Begin(rest, {"end", "if"}) || Begin(rest, {"end", "loop"})) {
      if (!branches_.empty()) branches_.pop_back();
      ++at;
    } else if (rest[0] == "if" && IsStart(at)) {
      const Held asked = Ask(UpTo(rest.subspan(1), {"then"}), event_);
      branches_.push_back({asked, Not(asked)});
    } else if ((rest[0] == "elsif" || rest[0] == "elseif") && !branches_.empty()) {
      const Held asked = Ask(UpTo(rest.subspan(1), {"then"}), event_);
      Branch& branch = branches_.back();
      branch = {And(branch.others, asked), And(branch.others, Not(asked))};
    } else if (rest[0] == "else" && !branches_.empty()) {
      branches_.back().here = branches_.back().others;
    } else if (rest[0] == "loop") {
      branches_.push_back({});
    } else {
      return false;
    }
    return true;
  }

  Held Here() const {
    Held held = Held::kAlways;
    for (const Branch& branch : branches_) held = And(held, branch.here);
    return held;
  }

  bool IsStart(size_t at) const {
    return at == 0 || IsOneOf(words_[at - 1], {";", "then", "else", "begin", "loop", ">"});
  }

  bool HandlesErrors() const {
    for (size_t i = 1; i < words_.size(); ++i) {
      if (words_[i] == "exception" && words_[i - 1] != "raise") return true;
    }
    return false;
  }

  // EXIT with a label.
  bool LeavesBlocks() const {
    for (size_t i = 0; i + 1 < words_.size(); ++i) {
      if (words_[i] == "exit" && !IsOneOf(words_[i + 1], {";", "when"})) return true;
    }
    return false;
  }

  // What a statement that names NEW, or its column, at `at` does to the column; nothing: it reads.
  std::optional<Touch> TouchAt(size_t at) const {
    const Words rest = words_.subspan(at);
    if (rest[0] != "new") return {};
    const bool whole = rest.size() < 2 || rest[1] != ".";
    if (!whole && (rest.size() < 3 || (rest[2] != column_ && rest[2] != "*"))) return {};
    size_t start = at;
    while (!IsStart(start)) --start;
    if (start == at) return Assigned(rest, whole);
    const Words before = words_.subspan(start, at - start);
    if (IsOneOf(before.back(), {"for", "foreach"})) return Touch::kOther;
    if (before[0] == "call" || Has(before, "diagnostics")) return Touch::kOther;
    // INTO [STRICT] a, NEW.b
    const auto into = std::find(before.rbegin(), before.rend(), "into").base();
    if (into == before.begin()) return {};
    for (auto word = into; word != before.end(); ++word) {
      if (IsOneOf(*word, {"select", "values", "from", "where", "using", "(", "default", "table"}))
        return {};
    }
    const bool selects = before[0] == "select" && into == before.end();
    const bool alone = whole || rest.size() < 4 || rest[3] == ";";
    return selects && alone && !whole && Gives({before.begin() + 1, into - 1}, stamp_)
               ? Touch::kStamps
               : Touch::kOther;
  }

  // NEW := a, NEW.b = c
  std::optional<Touch> Assigned(Words rest, bool whole) const {
    const size_t equals = whole ? 1 : 3;
    if (rest.size() < equals + 2 || !IsOneOf(rest[equals], {":=", "="})) return {};
    const Words value = Statement(rest.subspan(equals + 1));
    if (whole) return Are(value, {"old"}) ? Touch::kTakesBack : Touch::kOther;
    if (Gives(value, stamp_)) return Touch::kStamps;
    return Are(value, {"old", ".", column_}) ? Touch::kTakesBack : Touch::kOther;
  }

  const Words words_;
  const std::string column_;
  const Stamp& stamp_;
  const RowEvent event_;
  std::vector<Branch> branches_;
  Touch now_ = Touch::kLeaves;
  std::optional<Touch> returned_;  // by what was passed
};

}  // namespace

bool GivesStamp(const std::vector<std::string>& words, const Stamp& stamp) {
  return Gives(words, stamp);
}

Touch FunctionTouch(std::string_view text, std::string_view column, const Stamp& stamp,
                    RowEvent event) {
  const std::vector<std::string> words = SqlWords(text);
  std::string lower;
  for (const char c : column) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return FunctionWalk(words, lower, stamp, event).Find();
}

bool FiresForEveryChange(std::string_view definition, RowEvent event) {
  const std::vector<std::string> words = SqlWords(definition);
  const Words rest(std::ranges::find(words, "when"), words.end());
  return rest.empty() || Ask(UpTo(rest.subspan(1), {"execute"}), event) == Held::kAlways;
}

}  // namespace syncline::capture
