#include "engine/sql/postgres_catalog.h"

#include <string_view>

#include "engine/sql/dialect.h"

namespace syncline::sql {
namespace {

constexpr char kFindTable[] = R"(
  SELECT c.oid, c.relkind, has_schema_privilege(n.oid, 'USAGE') AS enter,
         has_any_column_privilege(c.oid, 'SELECT') AS read, current_user AS role
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))";

// With the type that a domain is based on in the end, since that is how its values are read.
constexpr char kColumns[] = R"(
  WITH RECURSIVE base AS (
    SELECT t.oid AS declared, t.oid, t.typtype, t.typbasetype
    FROM pg_catalog.pg_type t
    WHERE t.oid IN (SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid)
    UNION ALL
    SELECT b.declared, t.oid, t.typtype, t.typbasetype
    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
  SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS native_type,
         pg_catalog.format_type(b.oid, NULL) AS base_type, a.attnotnull,
         a.attgenerated <> '' AS generated,
         coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') AS default_expression
  FROM pg_catalog.pg_attribute a
  JOIN base b ON b.declared = a.atttypid AND b.typtype <> 'd'
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attnum)";

// One row per key column of every usable index; the name is NULL for an expression.
constexpr char kIndexes[] = R"(
  SELECT i.indexrelid, i.indisprimary, a.attname, m.amname = 'btree' AND i.indpred IS NULL AS ordered,
         i.indisunique AND i.indimmediate AND i.indpred IS NULL AS enforced, a.attnotnull
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = c.relam
  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
  LEFT JOIN pg_catalog.pg_attribute a
    ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
  WHERE i.indrelid = $1::oid AND i.indisvalid AND k.place <= i.indnkeyatts
  ORDER BY i.indisprimary DESC, c.relname, k.place)";

constexpr char kForeignKeys[] = R"(
  SELECT f.oid, n.nspname, c.relname, f.condeferrable, a.attname
  FROM pg_catalog.pg_constraint f
  JOIN pg_catalog.pg_class c ON c.oid = f.confrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL unnest(f.conkey) WITH ORDINALITY AS k(attnum, place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum
  WHERE f.conrelid = $1::oid AND f.contype = 'f'
  ORDER BY f.conname, f.oid, k.place)";

constexpr char kTables[] = R"(
  SELECT n.nspname, c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
    AND n.nspname NOT LIKE 'pg\_temp\_%' AND c.relname NOT LIKE 'syncline\_%'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C")";

bool IsTrue(const pqxx::field& field) { return field.c_str()[0] == 't'; }

TableInfo::Kind KindOf(char relkind) {
  switch (relkind) {
    case 'p':
      return TableInfo::Kind::kPartitioned;
    case 'v':
    case 'm':
      return TableInfo::Kind::kView;
    case 'f':
      return TableInfo::Kind::kForeign;
    default:
      return TableInfo::Kind::kTable;
  }
}

void ReadColumns(const pqxx::result& rows, TableInfo& info) {
  for (const pqxx::row& row : rows) {
    ColumnInfo column;
    column.column.name = row["attname"].c_str();
    column.column.native_type = row["native_type"].c_str();
    column.column.type = TypeOf(row["base_type"].c_str(), Dialect::kPostgres);
    column.column.nullable = !IsTrue(row["attnotnull"]);
    column.generated = IsTrue(row["generated"]);
    column.default_expression = row["default_expression"].c_str();
    info.columns.push_back(std::move(column));
  }
}

void ReadIndexes(const pqxx::result& rows, TableInfo& info) {
  for (pqxx::result::size_type i = 0; i < rows.size();) {
    const pqxx::row first = rows[i];
    const std::string_view index = first["indexrelid"].c_str();
    std::vector<std::string> columns;
    bool usable_as_key = IsTrue(first["enforced"]);
    for (; i < rows.size() && index == rows[i]["indexrelid"].c_str(); ++i) {
      usable_as_key =
          usable_as_key && IsTrue(rows[i]["attnotnull"]);  // false for an expression, too
      columns.emplace_back(rows[i]["attname"].c_str());
    }
    if (IsTrue(first["ordered"]) && !first["attname"].is_null()) {
      info.indexed.push_back(columns.front());
    }
    if (IsTrue(first["indisprimary"])) {
      info.primary_key = std::move(columns);
    } else if (usable_as_key) {
      info.unique_keys.push_back(std::move(columns));
    }
  }
}

void ReadForeignKeys(const pqxx::result& rows, TableInfo& info) {
  std::string_view last;
  for (const pqxx::row& row : rows) {
    if (last != row["oid"].c_str()) {
      last = row["oid"].c_str();
      info.foreign_keys.push_back({.references = {row["nspname"].c_str(), row["relname"].c_str()},
                                   .columns = {},
                                   .deferrable = IsTrue(row["condeferrable"])});
    }
    info.foreign_keys.back().columns.emplace_back(row["attname"].c_str());
  }
}

void RequireReadable(const pqxx::row& found, const TableName& table, const std::string& display) {
  const std::string role = Quote(found["role"].c_str());
  const std::string grant_schema =
      "GRANT USAGE ON SCHEMA " + Quote(table.schema) + " TO " + role + "; ";
  const std::string grant = "GRANT SELECT ON " + Quote(table) + " TO " + role + ";";
  const bool enter = IsTrue(found["enter"]);
  if (enter && IsTrue(found["read"])) return;
  throw Error(Reaction::kStop, Cause::kEnvironment,
              display + ": role " + role + " may not read table " + table.ToString(),
              "As the table's owner, run: " + (enter ? grant : grant_schema + grant), "42501");
}

}  // namespace

std::string DatabaseIdentity(PostgresConnection& connection) {
  const pqxx::row row =
      connection
          .Run(
              "SELECT current_database(), d.oid, "
              "has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') "
              "FROM pg_catalog.pg_database d WHERE d.datname = current_database()")
          .at(0);
  const std::string database = row[0].c_str();
  // Where a provider has revoked the function, the database's oid has to do: it stays the same, but
  // two clusters may share it.
  if (!IsTrue(row[2])) return std::string("postgresql:oid-") + row[1].c_str() + "/" + database;
  const pqxx::result system =
      connection.Run("SELECT system_identifier FROM pg_catalog.pg_control_system()");
  return std::string("postgresql:") + system.at(0)[0].c_str() + "/" + database;
}

std::vector<TableName> ListUserTables(PostgresConnection& connection) {
  std::vector<TableName> tables;
  for (const pqxx::row& row : connection.Run(kTables)) {
    tables.push_back({row[0].c_str(), row[1].c_str()});
  }
  return tables;
}

std::optional<TableInfo> DescribeTable(PostgresConnection& connection, const TableName& table) {
  TableInfo info;
  info.name = table;
  if (info.name.schema.empty()) info.name.schema = "public";
  const pqxx::result found = connection.Run(kFindTable, {info.name.schema, info.name.name});
  if (found.empty()) return std::nullopt;
  RequireReadable(found[0], info.name, connection.display());
  info.kind = KindOf(found[0]["relkind"].c_str()[0]);

  const Parameters oid = {found[0]["oid"].c_str()};
  ReadColumns(connection.Run(kColumns, oid), info);
  ReadIndexes(connection.Run(kIndexes, oid), info);
  ReadForeignKeys(connection.Run(kForeignKeys, oid), info);
  return info;
}

}  // namespace syncline::sql
