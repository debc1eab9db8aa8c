#include "engine/sql/dialect.h"

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/sql/quoting.h"
#include "engine/sql/sql_dialect.h"
#include "engine/sql/sql_maker.h"

namespace syncline::sql {

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

std::string FoldedName(std::string_view name, Dialect dialect) {
  return DialectOf(dialect).FoldedName(name);
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

Sql Literal(ValueView value, Dialect dialect) {
  if (value.is_null()) return "NULL";
  return DialectOf(dialect).Literal(value);
}

Sql TextLiteral(std::string_view text, Dialect dialect) {
  return Literal(ValueView::Text(text), dialect);
}

Sql CatalogueName(std::string_view text) {
  return TextLiteral(text, Dialect::kPostgres) + "::pg_catalog.name";
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
