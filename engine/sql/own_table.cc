#include "engine/sql/own_table.h"

#include <fmt/format.h>

#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/trusted_roles.h"

namespace syncline::sql {
namespace {

// `firm` are the roles that keep being trusted while a session lives. Who has the TRIGGER privilege
// may make a trigger, and a schema's owner may drop what is in it; pg_database_owner stands for the
// database's owner. 0 is PUBLIC. Syncline gives no table a check constraint or an expression in an
// index, and only the time of a tombstone a default; its types are the system's, and those of the
// table that the tombstones belong to.
constexpr char kPostgresFormat[] = R"(
  WITH RECURSIVE {},
  beside AS (
    SELECT c.oid, c.relowner FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $3 AND c.relname = $4),
  firm AS (SELECT oid FROM peers UNION SELECT relowner FROM beside)
  SELECT c.relkind, pg_catalog.pg_get_userbyid(c.relowner),
         c.relowner IN (SELECT oid FROM trusted UNION SELECT oid FROM firm), CURRENT_USER,
         (SELECT pg_catalog.min(t.tgname) FROM pg_catalog.pg_trigger t
          WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
         EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid),
         c.relrowsecurity,
         EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)),
         c.relowner NOT IN (SELECT oid FROM firm)
         OR EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a
                    WHERE a.privilege_type = 'TRIGGER'
                      AND a.grantee NOT IN (SELECT oid FROM firm))
         OR CASE pg_catalog.pg_get_userbyid(n.nspowner) WHEN 'pg_database_owner' THEN base.datdba
            ELSE n.nspowner END NOT IN (SELECT oid FROM firm),
         (SELECT pg_catalog.min(k.conname) FROM pg_catalog.pg_constraint k
          WHERE k.conrelid = c.oid AND k.contype = 'c'),
         (SELECT pg_catalog.min(a.attname) FROM pg_catalog.pg_attrdef d
          JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
          WHERE d.adrelid = c.oid AND NOT (
            EXISTS (SELECT FROM beside) AND a.attgenerated = ''
            AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) = 'clock_timestamp()')),
         (SELECT pg_catalog.min(x.relname) FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
          WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)),
         (SELECT pg_catalog.min(a.attname) FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace
            AND t.oid NOT IN (SELECT o.atttypid FROM pg_catalog.pg_attribute o
                              JOIN beside ON beside.oid = o.attrelid))
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, base
  WHERE n.nspname = $1 AND c.relname = $2)";

using TextRow = std::vector<std::optional<std::string>>;

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

// What runs code, or hides rows, although Syncline has not made it; empty: nothing. `row` is one of
// the query's.
OwnTable Additions(const TextRow& row, const TableName& table) {
  const auto is = [&row](size_t column) { return row.at(column) == "t"; };
  const std::string name(Quote(table).text());
  const auto quoted = [&row](size_t column) { return Quote(row.at(column).value()).ToString(); };
  const auto add = [](const std::string& what, const std::string& statement) {
    OwnTable found;
    found.objection = fmt::format("has {} that Syncline has not made", what);
    found.hint =
        fmt::format("Find out what it is for. Without it Syncline goes on: {};", statement);
    return found;
  };
  if (row.at(4)) {
    return add(fmt::format("a trigger, {},", *row.at(4)),
               fmt::format("DROP TRIGGER {} ON {}", quoted(4), name));
  }
  if (is(5)) return add("rules", fmt::format("DROP RULE .. ON {} (\\d in psql names them)", name));
  if (row.at(9)) {
    return add(fmt::format("a check constraint, {},", *row.at(9)),
               fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", name, quoted(9)));
  }
  if (row.at(10)) {
    return add(fmt::format("a default or a generated value, of column {},", *row.at(10)),
               fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT (or DROP EXPRESSION)", name,
                           quoted(10)));
  }
  if (row.at(11)) {
    return add(fmt::format("an index with an expression, {},", *row.at(11)),
               fmt::format("DROP INDEX {}", Quote(TableName{table.schema, *row.at(11)}).text()));
  }
  OwnTable found;
  if (row.at(12)) {
    found.objection =
        fmt::format("has a column, {}, of a type that is not the system's", *row.at(12));
    found.hint = fmt::format(
        "Run: ALTER TABLE {} ALTER COLUMN {} TYPE .. with what it is a form of, "
        "such as text. {}",
        name, quoted(12), MoveAway(table));
  } else if (is(6)) {
    found.objection = "has row security, which would hide rows from Syncline";
    found.hint = fmt::format("Run: ALTER TABLE {} DISABLE ROW LEVEL SECURITY;", name);
  } else if (is(7)) {
    found.objection = "is part of an inheritance tree";
    found.hint = fmt::format("Run, for each: ALTER TABLE .. NO INHERIT ..; {}", MoveAway(table));
  }
  return found;
}

// The owner is not trusted. Giving the table another one makes whatever is in it trusted, so that
// is no way to go on with a table that has more than rows.
void ObjectToOwner(const TextRow& row, const TableName& table, OwnTable& found) {
  const std::string& me = row.at(3).value();
  found.objection =
      fmt::format("belongs to role {}, through which others could run code as role {}",
                  row.at(1).value_or("?"), me);
  const std::string addition = Additions(row, table).objection;
  found.hint = addition.empty()
                   ? fmt::format(
                         "If Syncline has made it, as another role, then as a superuser run: ALTER "
                         "TABLE {} OWNER TO {}; {}",
                         Quote(table).text(), Quote(me).text(), MoveAway(table))
                   : fmt::format("It also {}. {}", addition, MoveAway(table));
}

OwnTable OnPostgres(Session& session, const TableName& table, const TableName& beside) {
  OwnTable found;
  const auto rows = session
                        .Query(Format(kPostgresFormat, kTrustedRoles),
                               {table.schema, table.name, beside.schema, beside.name})
                        .rows;
  if (rows.empty()) return found;
  const TextRow& row = rows.front();
  if (row.at(0) != "r") {
    found.objection = "is no ordinary table";
    found.hint = MoveAway(table);
  } else if (row.at(2) != "t") {
    ObjectToOwner(row, table, found);
  } else {
    found = Additions(row, table);
  }
  found.exists = true;
  found.is_shaky = row.at(8) == "t";
  return found;
}

}  // namespace

OwnTable LookAtOwnTable(Session& session, const TableName& table, const TableName& beside) {
  return ForDialect(session.dialect(),
                    IfPostgres{[&] { return OnPostgres(session, table, beside); }},
                    IfSqlite{[&] { return OnSqlite(session, table); }});
}

}  // namespace syncline::sql
