#include "apply/target/quiet_triggers.h"

#include <fmt/format.h>

#include <string>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/quiet_triggers.h"

namespace syncline::apply {
namespace {

// Of the table and of what inherits from it: for rows that are inserted, updated or deleted. The
// last column: whether it fires in sessions of replicas, too.
constexpr char kFiringSql[] = R"(
  WITH RECURSIVE family AS (
    SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent = f.oid),
  firing AS (
    SELECT t.tgrelid AS relation, 'TRIGGER' AS what, t.tgname AS name, t.tgenabled AS enabled
    FROM pg_catalog.pg_trigger t JOIN family f ON f.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgtype & 28 <> 0 AND t.tgenabled <> 'D'
      AND t.tgname NOT LIKE 'syncline\_tombstones\_%'
    UNION ALL
    SELECT r.ev_class, 'RULE', r.rulename, r.ev_enabled
    FROM pg_catalog.pg_rewrite r JOIN family f ON f.oid = r.ev_class
    WHERE r.ev_type IN ('2', '3', '4') AND r.ev_enabled <> 'D')
  SELECT n.nspname, c.relname, g.what, g.name, g.enabled IN ('A', 'R')
  FROM firing g JOIN pg_catalog.pg_class c ON c.oid = g.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 5 DESC, 1, 2, 4)";

// A trigger or a rule that fires for what is written to a table.
struct Firing {
  TableName table;
  std::string what;  // "TRIGGER", "RULE"
  std::string name;
  bool always = false;
};

std::vector<Firing> FiringOn(sql::Session& session, const TableName& table) {
  std::vector<Firing> all;
  for (const auto& row : session.Query(kFiringSql, {table.schema, table.name}).rows) {
    all.push_back({{row.at(0).value(), row.at(1).value()},
                   row.at(2).value(),
                   row.at(3).value(),
                   row.at(4) == "t"});
  }
  return all;
}

std::string DisableSql(const Firing& firing) {
  const sql::Sql what = firing.what == "RULE" ? sql::Sql("RULE") : sql::Sql("TRIGGER");
  return sql::Format("ALTER TABLE {} DISABLE {} {};", sql::Quote(firing.table), what,
                     sql::Quote(firing.name))
      .ToString();
}

Error CannotBeQuiet(const std::vector<Firing>& firing, std::string_view why) {
  std::string statements;
  for (const Firing& one : firing) statements += " " + DisableSql(one);
  const Firing& first = firing.front();
  return EnvironmentError(
      fmt::format("table {}: {} {} may change what is written, and {}", first.table.ToString(),
                  first.what == "RULE" ? "rule" : "trigger", first.name, why),
      fmt::format("run:{} and enable them again (ENABLE, as they are now) when it is done",
                  statements));
}

void KeepQuietOnPostgres(sql::Session& session, const std::vector<TableName>& tables) {
  std::vector<Firing> firing, always;
  for (const TableName& table : tables) {
    for (Firing& one : FiringOn(session, table)) {
      if (one.always) always.push_back(one);
      firing.push_back(std::move(one));
    }
  }
  if (!always.empty()) throw CannotBeQuiet(always, "it fires always");
  if (firing.empty()) return;
  try {
    sql::QuietTriggers(session);
  } catch (const Error& error) {
    if (error.condition() != Condition::kNoPrivilege) throw;
    throw CannotBeQuiet(firing,
                        "this role may not keep it quiet (GRANT SET ON PARAMETER "
                        "session_replication_role)");
  }
}

}  // namespace

void KeepTriggersQuiet(sql::Session& session, const std::vector<TableName>& tables) {
  sql::ForDialect(session.dialect(), sql::IfPostgres{[&] { KeepQuietOnPostgres(session, tables); }},
                  sql::IfSqlite{[&] { sql::QuietTriggers(session); }});
}

}  // namespace syncline::apply
