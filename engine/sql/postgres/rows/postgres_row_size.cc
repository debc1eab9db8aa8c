#include "engine/sql/postgres/rows/postgres_row_size.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/sql/dialect.h"
#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

// PostgreSQL's compressions make at most 255 bytes of one.
constexpr uint64_t kExpansionMax = 256;
// Of the declared lengths of a table's columns; longer ones are measured.
constexpr uint64_t kDeclaredShare = 16;
constexpr uint64_t kBytesPerCharacter = 4;

bool KnowsItsLength(Oid type) {
  return type == oid::kText || type == oid::kVarchar || type == oid::kBpchar || type == oid::kBytea;
}

// What "character varying(80)" allows.
std::optional<uint64_t> DeclaredBytes(const Column& column) {
  const std::string& type = column.native_type;
  const size_t open = type.find('(');
  if (!type.starts_with("character") || open == std::string::npos) return {};
  uint64_t characters = 0;
  const auto [end, error] =
      std::from_chars(type.data() + open + 1, type.data() + type.size(), characters);
  if (error != std::errc() || end == type.data() + type.size() || *end != ')') return {};
  return characters * kBytesPerCharacter;
}

Sql SizeSql(const Sql& column, Oid type, uint64_t row_bytes_max) {
  if (KnowsItsLength(type)) return Format("pg_catalog.octet_length({})::int8", column);
  return Format(
      "CASE WHEN pg_catalog.pg_column_size({0}) OPERATOR(pg_catalog.>) {1} "
      "THEN pg_catalog.octet_length({2})::int8 ELSE 0 END",
      column, row_bytes_max / kExpansionMax, OutputText(column));
}

}  // namespace

// The test spares a row of NULLs, which `IS NOT NULL` would take for NULL.
Sql OutputText(const Sql& column) {
  return Format("CASE WHEN {0} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {0}) END",
                column);
}

Sql RowSizeSql(const Session::Read& read, const std::vector<Oid>& types) {
  std::vector<Sql> sizes;
  uint64_t declared = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    if (IsShort(types[i])) continue;
    const Column& column = read.schema.columns[i];
    const std::optional<uint64_t> bytes = DeclaredBytes(column);
    if (bytes && declared + *bytes <= read.row_bytes_max / kDeclaredShare) {
      declared += *bytes;
      continue;
    }
    sizes.push_back(
        Format("coalesce({}, 0)", SizeSql(Quote(column.name), types[i], read.row_bytes_max)));
  }
  return Join(sizes, " OPERATOR(pg_catalog.+) ");
}

bool IsLeftOut(const Session::Read& read, size_t column, Oid type) {
  const TableSchema& schema = read.schema;
  return !IsShort(type) && column != schema.cursor && column != schema.cursor_fallback &&
         std::ranges::find(schema.key, column) == schema.key.end();
}

}  // namespace syncline::sql
