#include "tools/check/check_trust.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apply/state/own_tables.h"
#include "capture/plan/tombstone_sql.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/session.h"
#include "engine/sql/table_functions.h"

namespace syncline::cli {
namespace {

// BYPASSRLS is what a role needs where tables have row security.
constexpr char kRoleSql[] = R"(
  SELECT r.rolname, CASE
    WHEN r.rolsuper THEN 'a superuser'
    WHEN pg_catalog.pg_has_role(r.oid, 'pg_execute_server_program', 'USAGE')
      THEN 'a member of pg_execute_server_program'
    WHEN pg_catalog.pg_has_role(r.oid, 'pg_write_server_files', 'USAGE')
      THEN 'a member of pg_write_server_files'
    WHEN r.rolbypassrls AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relrowsecurity)
      THEN 'allowed to bypass row security' END
  FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)";

constexpr char kThereSql[] = R"(
  SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2)";

// More tables of one schema than these are named together.
constexpr size_t kNamedMax = 8;

std::string Text(const sql::Sql& sql) { return sql.ToString(); }

// "GRANT SELECT ON a, b TO role;" for each schema.
std::string GrantsOn(const std::vector<TableName>& tables, const std::string& privileges,
                     const std::string& role) {
  std::map<std::string, std::vector<std::string>> by_schema;
  for (const TableName& table : tables) by_schema[table.schema].push_back(Text(sql::Quote(table)));
  std::string grants;
  for (const auto& [schema, names] : by_schema) {
    const std::string on = names.size() <= kNamedMax
                               ? fmt::format("{}", fmt::join(names, ", "))
                               : fmt::format("ALL TABLES IN SCHEMA {}", Text(sql::Quote(schema)));
    grants += fmt::format(" GRANT USAGE ON SCHEMA {} TO {}; GRANT {} ON {} TO {};",
                          Text(sql::Quote(schema)), role, privileges, on, role);
  }
  return grants;
}

std::string SourceGrants(const SourcePlan& source) {
  std::vector<TableName> tables;
  for (const capture::TableSpec& spec : source.tables) {
    tables.push_back(spec.table);
    if (spec.deletes.tombstones) tables.push_back(capture::TombstoneTable(spec.table));
  }
  return "CREATE ROLE syncline_reader LOGIN PASSWORD '..';" +
         GrantsOn(tables, "SELECT", "syncline_reader");
}

// Tables that are there already are somebody else's; others Syncline makes.
std::string TargetGrants(sql::Session& session, const PipelinePlan& pipeline) {
  std::vector<TableName> written;
  std::set<std::string> made = {"public"};
  const auto add = [&](const TableName& table) {
    const bool there = !session.Query(kThereSql, {table.schema, table.name}).rows.empty();
    if (there) {
      written.push_back(table);
    } else {
      made.insert(table.schema);
    }
  };
  for (const apply::TableMapping& mapping : pipeline.tables) {
    add({mapping.target.schema.empty() ? "public" : mapping.target.schema, mapping.target.name});
  }
  for (const std::string_view own : apply::kOwnTables) add({"public", std::string(own)});
  std::string grants = "CREATE ROLE syncline_writer LOGIN PASSWORD '..';";
  for (const std::string& schema : made) {
    grants += fmt::format(" GRANT USAGE, CREATE ON SCHEMA {} TO syncline_writer;",
                          Text(sql::Quote(schema)));
  }
  return grants + GrantsOn(written, "SELECT, INSERT, UPDATE, DELETE", "syncline_writer");
}

void CheckRole(sql::Session& session, const std::string& subject, const std::string& grants,
               CheckReport& report) {
  const auto row = session.Query(kRoleSql).rows.at(0);
  if (!row.at(1)) return;
  report.Warn(subject,
              fmt::format("role {} is {}: who finds a way to run something as it has the whole "
                          "server, and Syncline needs little of that",
                          row.at(0).value(), *row.at(1)),
              fmt::format("as a superuser, make a role that has what is needed, and put it into "
                          "the address: {}",
                          grants));
}

void CheckFunctions(sql::Session& session, const std::string& subject, const TableName& table,
                    bool reads, CheckReport& report) {
  std::map<std::string, std::vector<std::string>> others;  // by owner
  for (const sql::TableFunction& function : sql::FunctionsOf(session, table)) {
    if (reads && !function.on_read) continue;
    if (!function.trusted) {
      others[function.owner].push_back(
          fmt::format("{} ({})", function.used_by, function.signature));
    }
    if (function.needs.empty()) continue;
    report.Warn(
        subject,
        fmt::format("{}: function {} may need a search_path of its own, for {}: Syncline's "
                    "sessions have none",
                    function.used_by, function.signature, function.needs),
        fmt::format("run: ALTER FUNCTION {} {};", function.signature, sql::SetPathClause(session)));
  }
  for (const auto& [owner, functions] : others) {
    report.Warn(
        subject,
        fmt::format("role {} decides what these do, and they run as Syncline's role: {}", owner,
                    fmt::join(functions, ", ")),
        "look at them, and let Syncline's role have no more privileges than it needs; or have a "
        "superuser own the table and the functions");
  }
}

std::unique_ptr<sql::Session> Connect(const sql::DatabaseUrl& url) {
  return sql::ForDialect(
      url.dialect, sql::IfPostgres{[&] { return sql::Session::Open(url, {.read_only = true}); }},
      sql::IfSqlite{[] { return std::unique_ptr<sql::Session>(); }});
}

}  // namespace

void CheckSourceTrust(const SourcePlan& source, CheckReport& report) {
  report.Guard(source.database, [&] {
    const auto session = Connect(source.url);
    if (!session) return;
    CheckRole(*session, source.database, SourceGrants(source), report);
    for (const capture::TableSpec& spec : source.tables) {
      CheckFunctions(*session, fmt::format("{} {}", source.database, spec.table.ToString()),
                     spec.table, /*reads=*/true, report);
    }
  });
}

void CheckTargetTrust(const PipelinePlan& pipeline, CheckReport& report) {
  const std::string subject = fmt::format("{} -> {}", pipeline.name, pipeline.target);
  report.Guard(subject, [&] {
    const auto session = Connect(pipeline.target_url);
    if (!session) return;
    CheckRole(*session, subject, TargetGrants(*session, pipeline), report);
    for (const apply::TableMapping& mapping : pipeline.tables) {
      const TableName table{mapping.target.schema.empty() ? "public" : mapping.target.schema,
                            mapping.target.name};
      CheckFunctions(*session, fmt::format("{} {}", pipeline.target, table.ToString()), table,
                     /*reads=*/false, report);
    }
  });
}

}  // namespace syncline::cli
