#include "capture/plan/row_security.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

// Those tables among them that a policy may concern.
constexpr char kSuspectsSql[] = R"(
  SELECT t.number FROM (VALUES {}) AS t(number, schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
  WHERE c.relrowsecurity OR c.relkind = 'v' ORDER BY 1)";

// The tables with row security that are read for $1, and their policies.
constexpr char kPoliciesSql[] = R"(
  WITH RECURSIVE beneath(oid) AS (
    SELECT $1::pg_catalog.regclass::pg_catalog.oid
    UNION
    SELECT d.refobjid
    FROM beneath b
    JOIN pg_catalog.pg_rewrite r ON r.ev_class = b.oid AND r.rulename = '_RETURN'
    JOIN pg_catalog.pg_depend d
      ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
         AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
  SELECT n.nspname, c.relname, current_user, c.relforcerowsecurity,
         (SELECT pg_catalog.string_agg(p.polname, ', ' ORDER BY p.polname)
          FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid)
  FROM beneath b JOIN pg_catalog.pg_class c ON c.oid = b.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relrowsecurity ORDER BY 1, 2)";

sql::Sql SuspectsSql(const std::vector<TableName>& tables) {
  std::vector<sql::Sql> values;
  for (size_t i = 0; i < tables.size(); ++i) {
    const std::string& schema = tables[i].schema;
    values.push_back(sql::Format("({}, {}, {})", i,
                                 sql::CatalogueName(schema.empty() ? "public" : schema),
                                 sql::CatalogueName(tables[i].name)));
  }
  return sql::Format(kSuspectsSql, sql::Join(values, ", "));
}

// The server itself knows best to whom a policy applies: owners, BYPASSRLS, and the owners of views
// go free.
void RefuseOne(sql::Session& session, const TableName& table) {
  try {
    session.Query(sql::Format("SELECT 1 FROM {} WHERE false", sql::Quote(table)));
    return;
  } catch (const Error& error) {
    if (error.condition() != Condition::kNoPrivilege) throw;
    const auto found = session.Query(kPoliciesSql, {sql::Quote(table).ToString()});
    if (found.rows.empty()) throw;
    std::vector<std::string> policies;
    for (const auto& row : found.rows) {
      policies.push_back(fmt::format("{} ({})", TableName{*row.at(0), *row.at(1)}.ToString(),
                                     row.at(4) ? "policy " + *row.at(4) : "without a policy"));
    }
    const auto& first = found.rows.front();
    const std::string role = sql::Quote(*first.at(2)).ToString();
    const std::string forced =
        first.at(3) == "t" ? " (or, where the role owns the table, ALTER TABLE .. NO FORCE ROW "
                             "LEVEL SECURITY)"
                           : "";
    throw EnvironmentError(
        fmt::format("{}: row-level security hides rows from role {}: {}", table.ToString(), role,
                    fmt::join(policies, ", ")),
        fmt::format("hidden rows would look deleted. As a superuser run: ALTER ROLE {} "
                    "BYPASSRLS{}; or capture a view of the table's owner that chooses the rows, "
                    "with key: in the configuration",
                    role, forced));
  }
}

}  // namespace

void RefuseRowSecurity(sql::Session& session, const std::vector<TableName>& tables) {
  const bool has_policies =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_policies || tables.empty()) return;
  for (const auto& row : session.Query(SuspectsSql(tables)).rows) {
    RefuseOne(session, tables.at(std::stoul(row.at(0).value())));
  }
}

}  // namespace syncline::capture
