// The table of types in README.md, as code.

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::sql {
namespace {

using NamedType = std::pair<std::string_view, Type>;

// format_type() names, without what stands in parentheses.
constexpr NamedType kPostgresTypes[] = {
    {"boolean", Type::kBool},
    {"smallint", Type::kInt},
    {"integer", Type::kInt},
    {"bigint", Type::kInt},
    {"oid", Type::kInt},
    {"xid8", Type::kInt},
    {"real", Type::kDouble},
    {"double precision", Type::kDouble},
    {"numeric", Type::kDecimal},
    {"text", Type::kText},
    {"character varying", Type::kText},
    {"character", Type::kText},
    {"name", Type::kText},
    {"bytea", Type::kBytes},
    {"date", Type::kDate},
    {"time without time zone", Type::kTime},
    {"timestamp without time zone", Type::kTimestamp},
    {"timestamp with time zone", Type::kTimestampTz},
    {"uuid", Type::kUuid},
    {"json", Type::kJson},
    {"jsonb", Type::kJson},
};

// Names that say more than SQLite's affinity rules do.
constexpr NamedType kSqliteTypes[] = {
    {"BOOL", Type::kBool},
    {"BOOLEAN", Type::kBool},
    {"DATE", Type::kDate},
    {"TIME", Type::kTime},
    {"DATETIME", Type::kTimestamp},
    {"TIMESTAMP", Type::kTimestamp},
    {"TIMESTAMPTZ", Type::kTimestampTz},
    {"TIMESTAMP WITH TIME ZONE", Type::kTimestampTz},
    {"DECIMAL_TEXT", Type::kDecimal},
    {"DECIMAL", Type::kDecimal},
    {"NUMERIC", Type::kDecimal},
    {"UUID", Type::kUuid},
    {"JSON", Type::kJson},
    {"JSONB", Type::kJson},
    {"JSON_TEXT", Type::kJson},
};

// "numeric(12,2)" -> "numeric", "(12,2)"; "timestamp(3) with time zone" -> "timestamp with time
// zone", "(3)".
std::pair<std::string, std::string> SplitModifier(std::string_view type) {
  const size_t open = type.find('(');
  const size_t close = type.find(')', open);
  std::string name(type.substr(0, open));
  std::string modifier;
  if (close != std::string_view::npos) {
    modifier = type.substr(open, close - open + 1);
    name += type.substr(close + 1);
  }
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return {std::move(name), std::move(modifier)};
}

template <size_t kSize>
const Type* Find(const NamedType (&types)[kSize], std::string_view name) {
  for (const auto& [known, type] : types) {
    if (known == name) return &type;
  }
  return nullptr;
}

Type PostgresTypeOf(std::string_view declared) {
  if (declared.ends_with("[]")) return Type::kOther;
  const Type* type = Find(kPostgresTypes, SplitModifier(declared).first);
  return type == nullptr ? Type::kOther : *type;
}

Type SqliteTypeOf(std::string_view declared) {
  const std::string name = SplitModifier(Upper(declared)).first;
  const Type* type = Find(kSqliteTypes, name);
  return type == nullptr ? AffinityOf(name) : *type;
}

Sql ToPostgres(Type type) {
  switch (type) {
    case Type::kBool:
      return "boolean";
    case Type::kInt:
      return "bigint";
    case Type::kDouble:
      return "double precision";
    case Type::kBytes:
      return "bytea";
    case Type::kDecimal:
      return "numeric";
    case Type::kDate:
      return "date";
    case Type::kTime:
      return "time";
    case Type::kTimestamp:
      return "timestamp";
    case Type::kTimestampTz:
      return "timestamptz";
    case Type::kUuid:
      return "uuid";
    case Type::kJson:
      return "json";
    case Type::kNull:
    case Type::kText:
    case Type::kOther:
      break;
  }
  return "text";
}

// The names are chosen so that SQLite's affinity leaves alone what is stored: DECIMAL or JSON alone
// would turn '1.50' into 1.5.
Sql ToSqlite(Type type) {
  switch (type) {
    case Type::kBool:
      return "BOOLEAN";
    case Type::kInt:
      return "INTEGER";
    case Type::kDouble:
      return "DOUBLE";
    case Type::kBytes:
      return "BLOB";
    case Type::kDecimal:
      return "DECIMAL_TEXT";
    case Type::kDate:
      return "DATE";
    case Type::kTime:
      return "TIME";
    case Type::kTimestamp:
      return "TIMESTAMP";
    case Type::kTimestampTz:
      return "TIMESTAMPTZ";
    case Type::kUuid:
      return "UUID";
    case Type::kJson:
      return "JSON_TEXT";
    case Type::kNull:
    case Type::kText:
    case Type::kOther:
      break;
  }
  return "TEXT";
}

}  // namespace

Type TypeOf(std::string_view native_type, Dialect dialect) {
  return ForDialect(dialect, IfPostgres{[&] { return PostgresTypeOf(native_type); }},
                    IfSqlite{[&] { return SqliteTypeOf(native_type); }});
}

Sql ColumnTypeFor(const Column& column, Dialect from, Dialect to) {
  if (from == to) return DeclaredType(column.native_type, to);
  Sql type = ForDialect(to, IfPostgres{[&] { return Sql(ToPostgres(column.type)); }},
                        IfSqlite{[&] { return Sql(ToSqlite(column.type)); }});
  // Precision and scale travel in both directions; a SQLite DECIMAL(12,2) is a wish that nothing
  // enforces, so only ours (which came from PostgreSQL) is taken at its word.
  if (column.type == Type::kDecimal) {
    const auto [name, modifier] = SplitModifier(column.native_type);
    const bool is_kept = ForDialect(from, IfPostgres{true}, IfSqlite{name == "DECIMAL_TEXT"});
    if (is_kept) type += NumbersOf(modifier);
  }
  return type;
}

}  // namespace syncline::sql
