#include "engine/sql/own_table.h"

#include <fmt/format.h>

#include "engine/sql/dialect.h"

namespace syncline::sql {
namespace {

// `trusted` holds for the roles that the session's role trusts. Who has the TRIGGER privilege may
// make a trigger, and a schema's owner may drop what is in it; pg_database_owner stands for the
// database's owner. 0 is PUBLIC.
constexpr char kPostgresSql[] = R"(
  WITH me AS (SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER),
  base AS (SELECT d.datdba FROM pg_catalog.pg_database d
           WHERE d.datname = pg_catalog.current_database()),
  trusted AS (
    SELECT r.oid FROM pg_catalog.pg_roles r, me, base
    WHERE r.rolsuper OR r.oid = me.oid OR (NOT me.rolsuper AND (
      r.oid = base.datdba OR pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER')))
    UNION
    SELECT c.relowner FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $3 AND c.relname = $4)
  SELECT c.relkind, pg_catalog.pg_get_userbyid(c.relowner),
         c.relowner IN (SELECT oid FROM trusted), CURRENT_USER,
         (SELECT pg_catalog.min(t.tgname) FROM pg_catalog.pg_trigger t
          WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
         EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid),
         c.relrowsecurity,
         EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)),
         EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a
                 WHERE a.privilege_type = 'TRIGGER'
                   AND a.grantee NOT IN (SELECT oid FROM trusted))
         OR CASE pg_catalog.pg_get_userbyid(n.nspowner) WHEN 'pg_database_owner' THEN base.datdba
            ELSE n.nspowner END NOT IN (SELECT oid FROM trusted)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, base
  WHERE n.nspname = $1 AND c.relname = $2)";

OwnTable OnSqlite(Session& session, const TableName& table) {
  OwnTable found;
  const auto rows = session
                        .Query(
                            "SELECT name FROM sqlite_master WHERE tbl_name = $1 COLLATE NOCASE AND "
                            "type = 'trigger' UNION ALL SELECT '' FROM sqlite_master WHERE type = "
                            "'table' AND name = $1 ORDER BY 1",
                            {table.name})
                        .rows;
  if (rows.empty() || !rows.front().at(0)->empty()) return found;
  found.exists = true;
  if (rows.size() == 1) return found;
  found.objection = fmt::format("has a trigger, {}, that Syncline has not made", *rows[1].at(0));
  found.hint = fmt::format("Find out what it is for. Without it Syncline goes on: DROP TRIGGER {};",
                           Quote(*rows[1].at(0)).text());
  return found;
}

// What to do with a table that is not ours: its rows stay.
std::string MoveAway(const TableName& table) {
  return fmt::format(
      "If it is none of Syncline's, have it moved away, and Syncline makes its own: ALTER TABLE {} "
      "RENAME TO {};",
      Quote(table).text(), Quote(table.name + "_other").text());
}

}  // namespace

OwnTable LookAtOwnTable(Session& session, const TableName& table, const TableName& beside) {
  if (session.dialect() == Dialect::kSqlite) return OnSqlite(session, table);
  OwnTable found;
  const auto rows = session.Query(kPostgresSql, {table.schema, table.name, beside.schema, beside.name}).rows;
  if (rows.empty()) return found;
  found.exists = true;
  const auto& row = rows.front();
  const auto is = [&row](size_t column) { return row.at(column) == "t"; };
  const std::string name(Quote(table).text());
  found.is_shaky = is(8);
  if (row.at(0) != "r") {
    found.objection = "is no ordinary table";
    found.hint = MoveAway(table);
  } else if (!is(2)) {
    found.objection = fmt::format("belongs to role {}, which could run code as role {} through it",
                                  row.at(1).value_or("?"), row.at(3).value());
    found.hint = fmt::format(
        "If Syncline has made it, as another role, then as a superuser run: ALTER TABLE {} OWNER "
        "TO {}; {}",
        name, Quote(row.at(3).value()).text(), MoveAway(table));
  } else if (row.at(4)) {
    found.objection = fmt::format("has a trigger, {}, that Syncline has not made", *row.at(4));
    found.hint = fmt::format(
        "Find out what it is for. Without it Syncline goes on: DROP TRIGGER {} ON {};",
        Quote(*row.at(4)).text(), name);
  } else if (is(5)) {
    found.objection = "has rules that Syncline has not made";
    found.hint = "Find out what they are for (\\d+ in psql). Without them Syncline goes on: DROP "
                 "RULE .. ON " + name + ";";
  } else if (is(6)) {
    found.objection = "has row security, which would hide rows from Syncline";
    found.hint = fmt::format("Run: ALTER TABLE {} DISABLE ROW LEVEL SECURITY;", name);
  } else if (is(7)) {
    found.objection = "is part of an inheritance tree";
    found.hint = fmt::format("Run, for each: ALTER TABLE .. NO INHERIT ..; {}", MoveAway(table));
  }
  return found;
}

}  // namespace syncline::sql
