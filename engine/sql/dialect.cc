#include "engine/sql/dialect.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/model/value_text.h"
#include "engine/sql/sql_maker.h"

namespace syncline::sql {
namespace {

std::string InQuotes(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    quoted += c;
    if (c == quote) quoted += c;
  }
  quoted += quote;
  return quoted;
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return hex;
}

// Quoted and without a type, so that the server reads it as whatever it is compared with: the index
// on a column of any type stays usable, enums and domains included.
std::string PostgresLiteral(ValueView value) {
  const std::string text = ToText(value);
  if (text.find('\0') != std::string::npos) {
    throw StopError("PostgreSQL cannot hold text with a zero byte");
  }
  // The E'' form reads the same whatever standard_conforming_strings says.
  if (text.find('\\') == std::string::npos) return InQuotes(text, '\'');
  std::string escaped;
  for (const char c : text) {
    escaped += c;
    if (c == '\\') escaped += c;
  }
  return " E" + InQuotes(escaped, '\'');
}

std::string SqliteDouble(double value) {
  if (std::isnan(value)) return "'NaN'";
  if (std::isinf(value)) return value > 0 ? "9e999" : "-9e999";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// As the value is stored: see the table of types in README.md.
std::string SqliteLiteral(ValueView value) {
  switch (value.type()) {
    case Type::kBool:
      return value.as_bool() ? "1" : "0";
    case Type::kInt:
      return std::to_string(value.as_int());
    case Type::kDouble:
      return SqliteDouble(value.as_double());
    case Type::kBytes:
      return "x'" + Hex(value.as_string()) + "'";
    default: {
      const std::string text = ToText(value);
      // SQLite ends the text of a statement at a zero byte.
      if (text.find('\0') != std::string::npos) return "CAST(x'" + Hex(text) + "' AS TEXT)";
      return InQuotes(text, '\'');
    }
  }
}

}  // namespace

std::string FoldedName(std::string_view name, Dialect dialect) {
  std::string folded(name);
  if (dialect != Dialect::kSqlite) return folded;
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

bool IsSameName(std::string_view a, std::string_view b, Dialect dialect) {
  return a == b || FoldedName(a, dialect) == FoldedName(b, dialect);
}

Sql Quote(std::string_view identifier) {
  if (identifier.find('\0') != std::string_view::npos) {
    throw StopError("a name with a zero byte cannot be used in a statement",
                    "Give the table or column another name.");
  }
  const bool is_long = identifier.size() > kPostgresNameBytesMax;
  return SqlMaker::Of(InQuotes(identifier, '"'), is_long ? std::string(identifier) : "");
}

Sql Quote(const TableName& table) {
  if (table.schema.empty()) return Quote(table.name);
  return Quote(table.schema) + "." + Quote(table.name);
}

Sql QuoteList(const std::vector<std::string>& identifiers, const Sql& prefix) {
  Sql list;
  for (const std::string& identifier : identifiers) {
    if (!list.empty()) list += ", ";
    list += prefix;
    list += Quote(identifier);
  }
  return list;
}

std::string_view SchemaOfType(std::string_view native_type) {
  bool quoted = false;
  for (size_t i = 0; i < native_type.size(); ++i) {
    const char c = native_type[i];
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '.') return native_type.substr(0, i);
    if (c == '(') break;
  }
  return {};
}

Sql NowSql(Dialect dialect) {
  return dialect == Dialect::kPostgres ? Sql("clock_timestamp()")
                                       : Sql("strftime('%Y-%m-%d %H:%M:%f+00', 'now')");
}

Sql Literal(ValueView value, Dialect dialect) {
  if (value.is_null()) return "NULL";
  return SqlMaker::Of(dialect == Dialect::kPostgres ? PostgresLiteral(value)
                                                    : SqliteLiteral(value));
}

Sql TextLiteral(std::string_view text, Dialect dialect) {
  return Literal(ValueView::Text(text), dialect);
}

Sql IsOneOf(const std::vector<std::string>& columns, std::span<const Row> keys, Dialect dialect,
            const std::vector<Sql>& equals) {
  SYNCLINE_CHECK(!keys.empty());
  std::vector<Sql> terms;
  // IN means `=` and no other operator.
  if (columns.size() == 1 && (equals.empty() || equals.front() == "=")) {
    for (const Row& key : keys) terms.push_back(Literal(key[0], dialect));
    return Format("{} IN ({})", Quote(columns.front()), Join(terms, ", "));
  }
  for (const Row& key : keys) {
    SYNCLINE_CHECK_EQ(key.size(), columns.size());
    std::vector<Sql> same;
    size_t column = 0;
    for (const ValueView value : key) {
      same.push_back(Format("{} {} {}", Quote(columns[column]),
                            equals.empty() ? Sql("=") : equals[column], Literal(value, dialect)));
      ++column;
    }
    terms.push_back(Format("({})", Join(same, " AND ")));
  }
  return Format("({})", Join(terms, " OR "));
}

}  // namespace syncline::sql
