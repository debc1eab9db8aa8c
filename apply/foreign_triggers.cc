#include "apply/foreign_triggers.h"

#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

// Of the table and of what inherits from it; tgenabled: D is disabled, R fires for
// replicas only, O for others only.
constexpr char kForeignSql[] = R"(
  WITH RECURSIVE family AS (
    SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent = f.oid)
  SELECT t.tgname, pg_catalog.format('%I.%I(%s)', n.nspname, p.proname,
           pg_catalog.pg_get_function_identity_arguments(p.oid)), o.rolname, CURRENT_USER
  FROM pg_catalog.pg_roles me, family f
  JOIN pg_catalog.pg_trigger t ON t.tgrelid = f.oid
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_roles o ON o.oid = p.proowner
  WHERE me.rolname = CURRENT_USER AND me.rolsuper AND NOT o.rolsuper AND NOT p.prosecdef
    AND NOT t.tgisinternal AND t.tgenabled IN ('A',
      CASE pg_catalog.current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O'
      END) LIMIT 1)";

}  // namespace

void RefuseForeignTriggers(sql::Session& session, const TableName& table) {
  if (session.dialect() != Dialect::kPostgres) return;
  const auto found = session.Query(kForeignSql, {table.schema, table.name}).rows;
  if (found.empty()) return;
  const auto& row = found.front();
  const std::string function = row.at(1).value();
  const std::string role(sql::Quote(row.at(3).value()).text());
  throw UsageError(
      fmt::format("trigger {} of table {} on the target runs {}, which belongs to role {}: as {}, "
                  "a superuser, it could do anything",
                  row.at(0).value(), table.ToString(), function, row.at(2).value(), role),
      fmt::format("Put a role into the address that has what it needs and no more (`syncline "
                  "check` shows the GRANTs); or look at the function, and as a superuser run: "
                  "ALTER FUNCTION {} OWNER TO {};",
                  function, role));
}

}  // namespace syncline::apply
