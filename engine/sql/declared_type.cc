#include "engine/sql/declared_type.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_maker.h"

namespace syncline::sql {
namespace {

constexpr size_t kDigitsMax = 9;
constexpr size_t kShownMax = 60;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Takes a text apart from its beginning on. What is taken has only the characters that are named.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : left_(text) { SkipSpace(); }

  bool at_end() const { return left_.empty(); }

  bool Take(char c) {
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    SkipSpace();
    return true;
  }

  // A letter, then letters and digits.
  std::optional<std::string> Word() {
    if (left_.empty() || !IsLetter(left_.front())) return std::nullopt;
    return Prefix([](char c) { return IsLetter(c) || IsDigit(c); });
  }

  // An integer of up to nine digits.
  std::optional<std::string> Number() {
    const Scanner before = *this;
    const std::string sign = left_.starts_with('-') ? "-" : "";
    left_.remove_prefix(sign.size());
    const std::string digits = Prefix(IsDigit);
    if (!digits.empty() && digits.size() <= kDigitsMax) return sign + digits;
    *this = before;
    return std::nullopt;
  }

  // What stands in double quotes, inner ones doubled.
  std::optional<std::string> Quoted() {
    if (!left_.starts_with('"')) return std::nullopt;
    std::string name;
    for (size_t i = 1; i < left_.size(); ++i) {
      if (left_[i] == '"' && (i + 1 == left_.size() || left_[i + 1] != '"')) {
        left_.remove_prefix(i + 1);
        SkipSpace();
        return name;
      }
      if (left_[i] == '"') ++i;
      name += left_[i];
    }
    return std::nullopt;
  }

 private:
  template <typename Accepts>
  std::string Prefix(Accepts accepts) {
    const auto end = std::ranges::find_if_not(left_, accepts);
    std::string prefix(left_.begin(), end);
    left_.remove_prefix(prefix.size());
    SkipSpace();
    return prefix;
  }

  void SkipSpace() {
    left_.remove_prefix(std::ranges::find_if_not(left_, IsSpace) - left_.begin());
  }

  std::string_view left_;
};

// "(12,2)"; with `words` also "(Point,4326)". Empty: there is none. Nothing: it is none.
std::optional<std::string> Modifier(Scanner& scanner, bool words) {
  if (!scanner.Take('(')) return "";
  std::string list;
  do {
    std::optional<std::string> part = scanner.Number();
    if (!part && words) part = scanner.Word();
    if (!part) return std::nullopt;
    list += (list.empty() ? "" : ",") + *part;
  } while (scanner.Take(','));
  if (!scanner.Take(')')) return std::nullopt;
  return "(" + list + ")";
}

// A word that SQLite's grammar knows could begin a constraint: then the whole is one quoted name,
// of which SQLite keeps the text.
Sql SqliteType(std::string_view declared) {
  Scanner scanner(declared);
  std::string words;
  bool keyword = false;
  while (const auto word = scanner.Word()) {
    words += (words.empty() ? "" : " ") + *word;
    keyword = keyword || IsSqliteKeyword(*word);
  }
  const std::optional<std::string> modifier = Modifier(scanner, /*words=*/false);
  const bool plain = scanner.at_end() && modifier && (!words.empty() || modifier->empty()) &&
                     std::ranges::count(*modifier, ',') <= 1;
  if (plain) return keyword ? Quote(words + *modifier) : SqlMaker::Of(words + *modifier);
  switch (AffinityOf(Upper(declared))) {
    case Type::kInt:
      return "INT";  // which is no row id
    case Type::kBytes:
      return "BLOB";
    case Type::kDouble:
      return "REAL";
    case Type::kOther:
      return "NUMERIC";
    default:
      return "TEXT";
  }
}

// The rest of "timestamp(3) with time zone" and "interval day to second": words of a type that is
// known by its first one. Nothing: others.
std::optional<std::string> KnownWords(const std::string& first, Scanner& scanner) {
  std::vector<std::string> rest;
  while (const auto word = scanner.Word()) rest.push_back(*word);
  std::string words;
  for (const std::string& word : rest) words += " " + word;
  constexpr std::string_view kFields[] = {"year", "month", "day", "hour", "minute", "second", "to"};
  const auto is_field = [&](const std::string& word) {
    return std::ranges::find(kFields, word) != std::end(kFields);
  };
  const bool known = words.empty() || (first == "double" && words == " precision") ||
                     ((first == "character" || first == "bit") && words == " varying") ||
                     ((first == "timestamp" || first == "time") &&
                      (words == " with time zone" || words == " without time zone")) ||
                     (first == "interval" && std::ranges::all_of(rest, is_field));
  return known ? std::optional(words) : std::nullopt;
}

// So that it can be read in a line.
std::string Shown(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kShownMax)) shown += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kShownMax ? shown + "..." : shown;
}

}  // namespace

std::optional<PostgresType> PostgresType::Parse(std::string_view text) {
  Scanner scanner(text);
  PostgresType type;
  std::string word;  // the last name, where it is not in quotes
  do {
    word.clear();
    if (const auto quoted = scanner.Quoted()) {
      type.names.push_back(Quote(*quoted));
      type.name = *quoted;
    } else if (const auto plain = scanner.Word()) {
      type.names.push_back(
          SqlMaker::Of(*plain, plain->size() > kPostgresNameBytesMax ? *plain : ""));
      type.name = word = *plain;
    } else {
      return std::nullopt;
    }
  } while (type.names.size() < 2 && scanner.Take('.'));
  const bool may_have_words = type.names.size() == 1 && !word.empty();
  const auto take_words = [&] {
    const std::optional<std::string> words = KnownWords(word, scanner);
    if (words) type.words += SqlMaker::Of(*words);
    return words.has_value();
  };
  if (may_have_words && !take_words()) return std::nullopt;
  const std::optional<std::string> modifier = Modifier(scanner, /*words=*/true);
  if (!modifier) return std::nullopt;
  type.modifier = SqlMaker::Of(*modifier);
  if (may_have_words && type.words.empty() && !modifier->empty() && !take_words()) {
    return std::nullopt;
  }
  for (; scanner.Take('['); ++type.dimensions) {
    if (!scanner.Take(']')) return std::nullopt;
  }
  if (!scanner.at_end()) return std::nullopt;
  return type;
}

Sql PostgresType::Text() const {
  Sql text = Join(names, ".");
  // timestamp(3) with time zone, but character varying(20)
  const bool words_last = name == "timestamp" || name == "time";
  text += words_last ? modifier + words : words + modifier;
  for (int i = 0; i < dimensions; ++i) text += "[]";
  return text;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

// The rules of "Determination Of Column Affinity" in SQLite's manual (datatype3.html, 3.1), in
// their order.
Type AffinityOf(std::string_view upper) {
  const auto has = [&](std::string_view part) {
    return upper.find(part) != std::string_view::npos;
  };
  if (has("INT")) return Type::kInt;
  if (has("CHAR") || has("CLOB") || has("TEXT")) return Type::kText;
  if (has("BLOB")) return Type::kBytes;
  if (has("REAL") || has("FLOA") || has("DOUB")) return Type::kDouble;
  return Type::kOther;
}

Sql NumbersOf(std::string_view parenthesized) {
  Scanner scanner(parenthesized);
  const std::optional<std::string> modifier = Modifier(scanner, /*words=*/false);
  if (!modifier || !scanner.at_end() || std::ranges::count(*modifier, ',') > 1) return {};
  return SqlMaker::Of(*modifier);
}

Sql DeclaredType(std::string_view native_type, Dialect dialect) {
  return ForDialect(dialect, IfPostgres{[&] { return RequirePostgresType(native_type).Text(); }},
                    IfSqlite{[&] { return SqliteType(native_type); }});
}

bool IsSameType(std::string_view a, std::string_view b, Dialect dialect) {
  const bool has_schemas = ForDialect(dialect, IfPostgres{true}, IfSqlite{false});
  if (a == b || !has_schemas) return a == b;
  std::optional<PostgresType> first = PostgresType::Parse(a);
  std::optional<PostgresType> second = PostgresType::Parse(b);
  if (!first || !second || first->names.size() == second->names.size()) return false;
  const std::string_view plain = first->names.size() == 1 ? a : b;
  if (TypeOf(plain, dialect) != Type::kOther) return false;  // one of the server's own
  first->names = {Quote(first->name)};
  second->names = {Quote(second->name)};
  return first->Text() == second->Text();
}

PostgresType RequirePostgresType(std::string_view text) {
  if (auto type = PostgresType::Parse(text)) return *std::move(type);
  throw StopError("\"" + Shown(text) + "\" is no type that PostgreSQL would write so",
                  "Look at the column in the source: `syncline log cat` shows the table's schema "
                  "as the log has it.");
}

}  // namespace syncline::sql
