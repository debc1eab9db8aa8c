#include "tools/check/missing_types.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/type_resolution.h"

namespace syncline::cli {
namespace {

// The types that a column's type is made of, and that are none of the system's, those first on
// which others build: name, and the statement that makes it; NULL where there is none to be shown.
constexpr char kMadeOfSql[] = R"(
  WITH RECURSIVE needed(oid, depth) AS (
    SELECT a.atttypid, 0 FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attname = $2
    UNION ALL
    SELECT next.oid, n.depth + 1 FROM needed n JOIN pg_type t ON t.oid = n.oid
    CROSS JOIN LATERAL (
      SELECT t.typelem AS oid WHERE t.typcategory = 'A' AND t.typelem <> 0
      UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
      UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
      UNION ALL SELECT c.atttypid FROM pg_attribute c
        WHERE t.typtype = 'c' AND c.attrelid = t.typrelid AND c.attnum > 0 AND NOT c.attisdropped
      ) AS next WHERE n.depth < 20)
  SELECT format('%I.%I', s.nspname, t.typname),
    CASE WHEN s.nspname <> 'public' AND e.extname IS NULL
         THEN format('CREATE SCHEMA IF NOT EXISTS %I; ', s.nspname) ELSE '' END ||
    CASE WHEN e.extname IS NOT NULL THEN format('CREATE EXTENSION %I;', e.extname)
      WHEN t.typtype = 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s);', s.nspname, t.typname,
        (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
         FROM pg_enum l WHERE l.enumtypid = t.oid))
      WHEN t.typtype = 'd' THEN format('CREATE DOMAIN %I.%I AS %s%s%s;', s.nspname, t.typname,
        format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN ' NOT NULL' END,
        (SELECT string_agg(' ' || pg_get_constraintdef(c.oid), '' ORDER BY c.conname)
         FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'))
      WHEN t.typtype = 'c' THEN format('CREATE TYPE %I.%I AS (%s);', s.nspname, t.typname,
        (SELECT string_agg(format('%I %s', c.attname, format_type(c.atttypid, c.atttypmod)), ', '
                           ORDER BY c.attnum)
         FROM pg_attribute c
         WHERE c.attrelid = t.typrelid AND c.attnum > 0 AND NOT c.attisdropped))
      WHEN t.typtype = 'r' THEN format('CREATE TYPE %I.%I AS RANGE (subtype = %s);', s.nspname,
        t.typname,
        (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid)) END
  FROM (SELECT oid, max(depth) AS depth FROM needed GROUP BY oid) AS n
  JOIN pg_type t ON t.oid = n.oid JOIN pg_namespace s ON s.oid = t.typnamespace
  LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
  LEFT JOIN pg_extension e ON e.oid = d.refobjid
  WHERE t.typcategory <> 'A' AND s.nspname <> 'pg_catalog'
  ORDER BY n.depth DESC, 1)";

bool HasType(sql::Session& target, const std::string& name) {
  return target.Query("SELECT pg_catalog.to_regtype($1) IS NOT NULL", {name}).rows.at(0).at(0) ==
         "t";
}

// Without those that are there.
void AddStatements(sql::Session& source, sql::Session& target, const TableName& table,
                   const std::string& column, std::vector<std::string>& statements) {
  const auto types = source.Query(kMadeOfSql, {sql::Quote(table).ToString(), column});
  for (const auto& row : types.rows) {
    if (HasType(target, row.at(0).value_or(""))) continue;
    const std::string statement =
        row.at(1).value_or(fmt::format("(type {} is to be made by hand)", row.at(0).value_or("")));
    if (std::ranges::find(statements, statement) != statements.end()) continue;
    statements.push_back(statement);
  }
}

}  // namespace

bool CheckTypes(sql::Session& target, const sql::DatabaseUrl& source, const std::string& subject,
                const apply::ApplyPlan& plan, const sql::TableInfo* table, CheckReport& report) {
  const auto has_own_types = [](Dialect dialect) {
    return sql::ForDialect(dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  };
  if (!has_own_types(plan.schema->dialect) || !has_own_types(target.dialect())) return true;
  std::vector<std::string> missing, columns;
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const Column& column = plan.columns[i];
    if (table != nullptr && table->Find(column.name) != nullptr) continue;
    if (sql::ResolveType(target, column.native_type, plan.target.schema)) continue;
    missing.push_back(fmt::format("{} ({})", column.name, column.native_type));
    columns.push_back(plan.schema->columns[plan.take[i]].name);
  }
  if (missing.empty()) return true;
  const auto session = sql::Session::Open(source, {.read_only = true});
  std::vector<std::string> statements;
  for (const std::string& column : columns) {
    AddStatements(*session, target, plan.schema->table, column, statements);
  }
  report.Fail(subject,
              fmt::format("the target lacks the types of columns {}", fmt::join(missing, ", ")),
              fmt::format("on the target run: {} Or make those columns there yourself with another "
                          "type, such as text; or omit them.",
                          fmt::join(statements, " ")),
              Cause::kUsage);
  return false;
}

}  // namespace syncline::cli
