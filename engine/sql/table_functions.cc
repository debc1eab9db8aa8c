#include "engine/sql/table_functions.h"

#include "engine/sql/dialect.h"

namespace syncline::sql {
namespace {

// The schemas of the search_path that the server, the database and the role have configured, which
// is the one that triggers were written for.
#define SYNCLINE_PATH                                                                            \
  "(SELECT pg_catalog.array_agg(CASE s WHEN '$user' THEN CURRENT_USER::text ELSE s END) "        \
  "FROM pg_catalog.pg_settings, pg_catalog.unnest(pg_catalog.string_to_array("                   \
  "pg_catalog.replace(pg_catalog.replace(reset_val, '\"', ''), ' ', ''), ',')) AS s "            \
  "WHERE name = 'search_path')"

// Everything that a statement on the table can come by, then what that uses. A function's text is
// searched for words that are names of relations, types and functions in the configured path and
// not the system's, without a schema before them; and for columns of types whose operators are in
// such a schema. From FirstNormalObjectId (16384) on objects are not the system's.
constexpr char kFunctionsSql[] = R"sql(
  WITH RECURSIVE me AS (
    SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER),
  trusted AS (
    SELECT r.oid FROM pg_catalog.pg_roles r, me, pg_catalog.pg_database d
    WHERE d.datname = pg_catalog.current_database() AND (
      r.rolsuper OR r.oid = me.oid OR (NOT me.rolsuper AND (
        r.oid = d.datdba OR pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER'))))),
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
    FROM pg_catalog.pg_policy t),
  used AS (
    SELECT 'trigger ' || t.tgname AS used_by, t.tgfoid AS function, t.tgrelid AS rel
    FROM pg_catalog.pg_trigger t JOIN touched ON touched.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
    UNION
    SELECT u.used_by, coalesce(o.oprcode::oid, d.refobjid), u.rel
    FROM touched JOIN users u ON u.rel = touched.oid
    JOIN pg_catalog.pg_depend d ON d.classid = u.class AND d.objid = u.oid
     AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                          'pg_catalog.pg_operator'::pg_catalog.regclass)
    LEFT JOIN pg_catalog.pg_operator o
      ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid),
  path AS (
    SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname::text = ANY (coalesce()sql" SYNCLINE_PATH R"sql(, '{}'))),
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
         pg_catalog.pg_get_userbyid(CASE WHEN p.prosecdef OR p.proowner IN (SELECT oid FROM trusted)
                                    THEN k.relowner ELSE p.proowner END),
         (p.prosecdef OR p.proowner IN (SELECT oid FROM trusted)) AND k.relowner IN (SELECT oid FROM trusted),
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
  FROM used u JOIN pg_catalog.pg_proc p ON p.oid = u.function
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_class k ON k.oid = u.rel
  WHERE p.oid >= 16384 AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  ORDER BY 1, 2)sql";

constexpr char kPathSql[] = R"sql(
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s), ', ' ORDER BY place)
  FROM pg_catalog.unnest()sql" SYNCLINE_PATH R"sql() WITH ORDINALITY AS p(s, place)
  JOIN pg_catalog.pg_namespace n ON n.nspname = s AND n.nspname <> 'pg_catalog')sql";

#undef SYNCLINE_PATH

}  // namespace

std::vector<TableFunction> FunctionsOf(Session& session, const TableName& table) {
  std::vector<TableFunction> functions;
  if (session.dialect() != Dialect::kPostgres) return functions;
  const std::string name(Quote(table).text());
  for (const auto& row : session.Query(kFunctionsSql, {name}).rows) {
    const std::string& used_by = row.at(0).value();
    functions.push_back({.used_by = used_by,
                         .signature = row.at(1).value(),
                         .owner = row.at(2).value(),
                         .trusted = row.at(3) == "t",
                         .on_read = used_by.starts_with("view ") || used_by.starts_with("policy "),
                         .needs = row.at(4).value_or("")});
  }
  return functions;
}

std::string SetPathClause(Session& session) {
  const std::string path = session.Query(kPathSql).rows.at(0).at(0).value_or("");
  return "SET search_path = " + (path.empty() ? path : path + ", ") + "pg_temp";
}

}  // namespace syncline::sql
