#include "engine/sql/table_functions.h"

#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/planned_query.h"
#include "engine/sql/text_array.h"
#include "engine/sql/trusted_roles.h"

namespace syncline::sql {
namespace {

// The schemas of the search_path that the server, the database and the role have configured, which
// is the one that triggers were written for.
constexpr Sql kPath = R"((
    SELECT pg_catalog.array_agg(CASE s WHEN '$user' THEN CURRENT_USER::text ELSE s END)
    FROM pg_catalog.pg_settings, pg_catalog.unnest(pg_catalog.string_to_array(
      pg_catalog.replace(pg_catalog.replace(reset_val, '"', ''), ' ', ''), ',')) AS s
    WHERE name = 'search_path'))";

// Whether the search of kFunctionsFormat could find anything, told by index scans alone: that
// search takes 20 ms a table, and most tables have nothing but a key and columns of the system's
// types. The catalogue records no dependency on the system's own objects. $1: an array of tables.
constexpr char kMayHaveSql[] = R"sql(
  SELECT w.place - 1
  FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS w(name, place)
  JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name)
  WHERE (
    c.relkind NOT IN ('r', 't') OR c.relhassubclass OR c.relhasrules
    OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    OR EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid)
    OR EXISTS (SELECT FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid >= 16384)
    OR EXISTS (
      SELECT FROM (
        SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid AS class, k.oid
        FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid
        UNION ALL
        SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid
        FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid
        UNION ALL
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
        FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid) AS part
      JOIN pg_catalog.pg_depend d ON d.classid = part.class AND d.objid = part.oid
      WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                             'pg_catalog.pg_operator'::pg_catalog.regclass,
                             'pg_catalog.pg_type'::pg_catalog.regclass)))
  ORDER BY w.place)sql";

// Everything that a statement on the table can come by, then what that uses: functions, and types,
// whose domains have constraints and defaults. A domain of a stranger's is named like a function,
// since it may get a constraint at any time. Triggers of tgenabled R fire for replicas only, O for
// others only. A function's text is
// searched for words that are names of relations, types and functions in the configured path and
// not the system's, without a schema before them; and for columns of types whose operators are in
// such a schema. From FirstNormalObjectId (16384) on objects are not the system's.
constexpr char kFunctionsFormat[] = R"sql(
  WITH RECURSIVE {0},
  touched AS (
    SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)
    UNION
    SELECT next.oid FROM touched CROSS JOIN LATERAL (
      SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits i WHERE i.inhparent = touched.oid
      UNION ALL
      SELECT d.refobjid FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d
        ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> touched.oid
      WHERE r.ev_class = touched.oid) AS next),
  users AS (
    SELECT 'constraint ' || conname AS used_by,
           'pg_catalog.pg_constraint'::pg_catalog.regclass::oid AS class, t.oid, conrelid AS rel
    FROM pg_catalog.pg_constraint t WHERE t.contype = 'c'
    UNION ALL
    SELECT 'column ' || attname, 'pg_catalog.pg_attrdef'::pg_catalog.regclass, t.oid, adrelid
    FROM pg_catalog.pg_attrdef t
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.adrelid AND a.attnum = t.adnum
    UNION ALL
    SELECT 'index ' || relname, 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, indrelid
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'view ' ELSE 'rule of ' END || relname,
           'pg_catalog.pg_rewrite'::pg_catalog.regclass, t.oid, ev_class
    FROM pg_catalog.pg_rewrite t JOIN pg_catalog.pg_class c ON c.oid = ev_class
    UNION ALL
    SELECT 'policy ' || polname, 'pg_catalog.pg_policy'::pg_catalog.regclass, t.oid, polrelid
    FROM pg_catalog.pg_policy t
    UNION ALL
    SELECT 'trigger ' || tgname, 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, tgrelid
    FROM pg_catalog.pg_trigger t
    WHERE NOT t.tgisinternal AND t.tgenabled IN ('A',
      CASE pg_catalog.current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O'
      END)
    UNION ALL
    SELECT 'partition key of ' || relname, 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.oid
    FROM pg_catalog.pg_class c WHERE c.relkind = 'p'),
  needed AS (
    SELECT u.used_by, u.rel, d.refclassid, d.refobjid
    FROM touched JOIN users u ON u.rel = touched.oid
    JOIN pg_catalog.pg_depend d ON d.classid = u.class AND d.objid = u.oid AND d.objsubid = 0),
  types AS (
    (SELECT 'type of column ' || a.attname AS used_by, a.attrelid AS rel, a.atttypid AS oid
     FROM touched JOIN pg_catalog.pg_class c ON c.oid = touched.oid AND c.relkind <> 'v'
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
     WHERE a.attnum > 0 AND NOT a.attisdropped
     UNION ALL
     SELECT used_by, rel, refobjid FROM needed
     WHERE refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)
    UNION
    SELECT types.used_by, types.rel, part.oid FROM types, LATERAL {1} AS part),
  domains AS (
    SELECT types.used_by, types.rel, t.oid, t.typowner
    FROM types JOIN pg_catalog.pg_type t ON t.oid = types.oid WHERE t.typtype = 'd'),
  used AS (
    SELECT n.used_by, n.rel, n.refclassid AS class, n.refobjid AS oid, NULL::oid AS domain_owner
    FROM needed n
    UNION
    SELECT m.used_by, m.rel, d.refclassid, d.refobjid, m.typowner
    FROM domains m CROSS JOIN LATERAL (
      SELECT 'pg_catalog.pg_type'::pg_catalog.regclass AS class, m.oid
      UNION ALL
      SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid
      FROM pg_catalog.pg_constraint k WHERE k.contypid = m.oid) AS code
    JOIN pg_catalog.pg_depend d ON d.classid = code.class AND d.objid = code.oid),
  functions AS (
    SELECT DISTINCT u.used_by, u.rel, p.oid, u.domain_owner
    FROM used u
    LEFT JOIN pg_catalog.pg_operator o
      ON u.class = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = u.oid
    JOIN pg_catalog.pg_proc p ON p.oid = coalesce(o.oprcode::oid, u.oid)
    WHERE u.class IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                      'pg_catalog.pg_operator'::pg_catalog.regclass)),
  path AS (
    SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname::text = ANY (coalesce({2}, '{{}}'))),
  names AS (
    SELECT relname AS name FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM path)
    UNION SELECT proname FROM pg_catalog.pg_proc WHERE pronamespace IN (SELECT oid FROM path)
    UNION SELECT typname FROM pg_catalog.pg_type WHERE typnamespace IN (SELECT oid FROM path)
    EXCEPT (
      SELECT relname FROM pg_catalog.pg_class
      WHERE relnamespace = 'pg_catalog'::pg_catalog.regnamespace
      UNION SELECT proname FROM pg_catalog.pg_proc
      WHERE pronamespace = 'pg_catalog'::pg_catalog.regnamespace
      UNION SELECT typname FROM pg_catalog.pg_type
      WHERE typnamespace = 'pg_catalog'::pg_catalog.regnamespace))
  SELECT DISTINCT u.used_by, pg_catalog.format('%I.%I(%s)', n.nspname, p.proname,
           pg_catalog.pg_get_function_identity_arguments(p.oid)),
         pg_catalog.pg_get_userbyid(CASE WHEN NOT own.trusted THEN p.proowner
           WHEN u.domain_owner NOT IN (SELECT oid FROM trusted) THEN u.domain_owner
           ELSE k.relowner END),
         own.trusted AND k.relowner IN (SELECT oid FROM trusted)
           AND coalesce(u.domain_owner IN (SELECT oid FROM trusted), true),
         NOT own.trusted,
         CASE WHEN NOT coalesce(p.proconfig::text, '') LIKE '%search\_path=%' THEN coalesce(
           (SELECT pg_catalog.min(name) FROM names JOIN pg_catalog.regexp_matches(
              p.prosrc, '(?<![\w.$])"?([A-Za-z_]\w*)\M(?!"?\s*\.)', 'g') AS word
              ON pg_catalog.lower(word[1]) = name),
           (SELECT 'comparisons of ' || pg_catalog.min(a.attname) FROM pg_catalog.pg_attribute a
            JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
            JOIN pg_catalog.pg_operator o
              ON o.oprleft = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
             AND o.oprright = o.oprleft AND o.oprname = '='
            WHERE a.attrelid = u.rel AND a.attnum > 0 AND NOT a.attisdropped
              AND o.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace
              AND p.prosrc ~* ('\m' || a.attname || '\M')), '') ELSE '' END
  FROM functions u JOIN pg_catalog.pg_proc p ON p.oid = u.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_class k ON k.oid = u.rel,
  LATERAL (SELECT p.prosecdef OR p.proowner IN (SELECT oid FROM trusted) AS trusted) AS own
  WHERE p.oid >= 16384 AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  UNION
  SELECT used_by, pg_catalog.format_type(m.oid, NULL), pg_catalog.pg_get_userbyid(m.typowner),
         false, true, ''
  FROM domains m WHERE m.typowner NOT IN (SELECT oid FROM trusted)
  ORDER BY 1, 2)sql";

constexpr char kPathFormat[] = R"sql(
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s), ', ' ORDER BY place)
  FROM pg_catalog.unnest({}) WITH ORDINALITY AS p(s, place)
  JOIN pg_catalog.pg_namespace n ON n.nspname = s AND n.nspname <> 'pg_catalog')sql";

// Whether users may make functions that run when a table is used.
bool HasFunctions(const Session& session) {
  return ForDialect(session.dialect(), IfPostgres{true}, IfSqlite{false});
}

}  // namespace

std::vector<TableName> MayHaveFunctions(Session& session, const std::vector<TableName>& tables) {
  std::vector<TableName> found;
  if (!HasFunctions(session)) return found;
  std::vector<std::string> names;
  for (const TableName& table : tables) names.push_back(Quote(table).ToString());
  for (const auto& row : QueryPlanned(session, kMayHaveSql, {TextArray(names)}).rows) {
    found.push_back(tables.at(std::stoul(row.at(0).value())));
  }
  return found;
}

std::vector<TableFunction> FunctionsOf(Session& session, const TableName& table) {
  std::vector<TableFunction> functions;
  if (!HasFunctions(session)) return functions;
  if (MayHaveFunctions(session, {table}).empty()) return functions;
  const std::string name(Quote(table).text());
  const Sql sql = Format(kFunctionsFormat, kTrustedRoles, kTypeParts, kPath);
  for (const auto& row : QueryPlanned(session, sql, {name}).rows) {
    const std::string& used_by = row.at(0).value();
    functions.push_back({.used_by = used_by,
                         .signature = row.at(1).value(),
                         .owner = row.at(2).value(),
                         .trusted = row.at(3) == "t",
                         .of_stranger = row.at(4) == "t",
                         .on_read = used_by.starts_with("view ") || used_by.starts_with("policy "),
                         .needs = row.at(5).value_or("")});
  }
  return functions;
}

std::string SetPathClause(Session& session) {
  const std::string path = session.Query(Format(kPathFormat, kPath)).rows.at(0).at(0).value_or("");
  return "SET search_path = " + (path.empty() ? path : path + ", ") + "pg_temp";
}

}  // namespace syncline::sql
