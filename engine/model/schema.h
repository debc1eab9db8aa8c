#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/row.h"
#include "engine/model/value.h"

namespace syncline {

enum class Dialect : uint8_t { kPostgres = 1, kSqlite = 2 };
std::string_view DialectName(Dialect dialect);  // "postgresql", "sqlite"

// A table's name within its database. SQLite tables have no schema; PostgreSQL's default to
// "public".
struct TableName {
  std::string schema;
  std::string name;

  // "items", "public.items"; parts may be in double quotes ("my.schema"."odd name"). Throws
  // UsageError.
  static TableName Parse(std::string_view text);
  // As Parse reads it; quoted only where needed.
  std::string ToString() const;
  auto operator<=>(const TableName&) const = default;
};

struct Column {
  std::string name;
  // What the values are, as far as the database declares it. kNull: they were left out.
  Type type = Type::kText;
  std::string native_type;  // the column's type in its own database: "numeric(12,2)", "VARCHAR(20)"
  bool nullable = true;
  bool operator==(const Column&) const = default;
};

using SchemaId = uint64_t;

// What a table looked like when its rows were captured; every change in the log points to one.
// Columns that the configuration omits are not in it. Plain value type.
struct TableSchema {
  TableName table;
  Dialect dialect = Dialect::kPostgres;  // whose native types
  std::vector<Column> columns;
  std::vector<uint32_t> key;  // indexes into columns, in key order; never empty
  // Index into columns, or kNoCursor: no column orders the states of a row, and no version is
  // known.
  uint32_t cursor = 0;
  // The column whose value counts in rows where the cursor column is NULL; an index into columns.
  std::optional<uint32_t> cursor_fallback = {};

  static constexpr uint32_t kNoCursor = UINT32_MAX;
  bool has_cursor() const { return cursor != kNoCursor; }

  // XXH3-64 of the encoded schema: equal schemas have equal ids, in every log.
  SchemaId id() const;
  // Index of the column with that name, or -1.
  int Find(std::string_view column) const;
  bool IsCursor(uint32_t column) const { return column == cursor || column == cursor_fallback; }
  // What orders the states of `row`, one of this table's: its cursor. NULL: it has none.
  ValueView VersionOf(const Row& row) const;
  bool operator==(const TableSchema&) const = default;
};

// The bytes stored in the log: Protobuf `message TableSchema` of frame.proto.
std::string EncodeSchema(const TableSchema& schema);
// Throws DamageError when the bytes are not a schema, point outside of it, name a column twice or
// hold a name with a zero byte.
TableSchema DecodeSchema(std::string_view bytes);

}  // namespace syncline
