#include "capture/polling/catalog_watch.h"

#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

// What holds the rows of `c`: itself, its partitions, what is beneath a view, and the view's own
// text; a materialized view's rows are its own. Of an ordinary table the rows of its heirs are not
// read.
constexpr char kFilesSql[] = R"(
  CASE WHEN c.relkind = 'r' OR c.relkind IN ('m', 'f') AND NOT c.relhassubclass
       THEN c.oid || '.' || c.relfilenode
       ELSE (
         WITH RECURSIVE family(oid, kind) AS (
           SELECT c.oid, c.relkind
           UNION
           SELECT k.oid, k.relkind
           FROM family f CROSS JOIN LATERAL (
             SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = f.oid
             UNION ALL
             SELECT d.refobjid
             FROM pg_catalog.pg_rewrite r
             JOIN pg_catalog.pg_depend d
               ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
             WHERE r.ev_class = f.oid AND f.kind = 'v' AND d.refobjid <> f.oid) AS next(oid)
           JOIN pg_catalog.pg_class k ON k.oid = next.oid
           WHERE k.relkind IN ('r', 'p', 'v', 'm', 'f'))
         SELECT pg_catalog.string_agg(
                  k.oid || '.' || CASE k.relkind WHEN 'v' THEN
                    (SELECT pg_catalog.hashtextextended(r.ev_action::pg_catalog.text, 0)
                     FROM pg_catalog.pg_rewrite r
                     WHERE r.ev_class = k.oid AND r.rulename = '_RETURN')
                  ELSE k.relfilenode::pg_catalog.int8 END, ' ' ORDER BY k.oid)
         FROM family f JOIN pg_catalog.pg_class k ON k.oid = f.oid WHERE k.relkind <> 'p') END)";

// TableMark::labels of `c`; types that the server came with are made of no enum.
constexpr char kLabelsSql[] = R"(
  (WITH RECURSIVE made(number, type) AS (
     SELECT a.attnum, a.atttypid FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
     UNION
     SELECT m.number, part.type
     FROM made m JOIN pg_catalog.pg_type t ON t.oid = m.type CROSS JOIN LATERAL (
       SELECT t.typbasetype UNION ALL SELECT t.typelem
       UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
       UNION ALL SELECT f.atttypid FROM pg_catalog.pg_attribute f
                 WHERE f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
     ) AS part(type) WHERE part.type >= 16384)
   SELECT pg_catalog.string_agg(s.number || ':' || s.labels, ';' ORDER BY s.number)
   FROM (SELECT m.number, pg_catalog.string_agg(
                  pg_catalog.to_hex(pg_catalog.hashtext(e.enumlabel::pg_catalog.text)), ','
                  ORDER BY e.oid) AS labels
         FROM made m JOIN pg_catalog.pg_enum e ON e.enumtypid = m.type GROUP BY m.number) AS s))";

// The triggers of the tables that a condition names, with what their functions do.
constexpr char kTriggersSql[] = R"(
  (SELECT pg_catalog.string_agg(
            pg_catalog.concat_ws(',', g.oid, g.tgenabled, p.oid, p.proconfig,
                                 pg_catalog.hashtextextended(p.prosrc, 0)), ';' ORDER BY g.oid)
   FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid
   WHERE NOT g.tgisinternal AND g.tgrelid {}))";

// What a plan of `c` is made of. Defaults and triggers, also those of partitions, their functions
// and who is set up to go without them decide how exact polling is.
constexpr char kStampSql[] = R"(
  pg_catalog.hashtextextended(pg_catalog.concat_ws('/', c.oid, c.relkind, c.relrowsecurity,
    c.relforcerowsecurity, {}, {},
    (SELECT pg_catalog.string_agg(
              pg_catalog.concat_ws(',', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
                                   a.attidentity, a.attgenerated), ';' ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    (SELECT pg_catalog.string_agg(d.oid::pg_catalog.text, ',' ORDER BY d.oid)
     FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid),
    (SELECT pg_catalog.string_agg(
              pg_catalog.concat_ws(',', i.indkey, i.indisprimary, i.indisvalid, i.indimmediate,
                                   i.indpred IS NULL), ';' ORDER BY i.indexrelid)
     FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique),
    CASE WHEN c.relkind = 'p' THEN {} WHEN c.relhastriggers THEN {} END,
    pg_catalog.current_setting('session_replication_role'),
    (SELECT pg_catalog.string_agg(s.setrole || '.' || s.setdatabase, ','
                                  ORDER BY s.setrole, s.setdatabase)
     FROM pg_catalog.pg_db_role_setting s
     WHERE EXISTS (SELECT FROM pg_catalog.unnest(s.setconfig) AS u
                   WHERE pg_catalog.lower(u) = 'session_replication_role=replica'))), 0))";

constexpr char kFromSql[] = R"(
  FROM (VALUES {}) AS t(number, schema, name)
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name)";

sql::Sql StampSql() {
  const auto triggers = [](const sql::Sql& tables) { return sql::Format(kTriggersSql, tables); };
  return sql::Format(kStampSql, sql::Sql(kFilesSql), sql::Sql(kLabelsSql),
                     triggers("IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid))"),
                     triggers("= c.oid"));
}

// A table's schema and name, as an SQL list.
sql::Sql NameSql(const TableName& table) {
  return sql::Format("{}, {}", sql::CatalogueName(table.schema.empty() ? "public" : table.schema),
                     sql::CatalogueName(table.name));
}

sql::Sql FromSql(const std::vector<TableName>& tables) {
  std::vector<sql::Sql> values;
  for (size_t i = 0; i < tables.size(); ++i) {
    values.push_back(sql::Format("({}, {})", i, NameSql(tables[i])));
  }
  return sql::Format(kFromSql, sql::Join(values, ", "));
}

// One row: a stamp of all tables.
sql::Sql OneStampSql(const std::vector<TableName>& tables) {
  return sql::Format(
      "SELECT pg_catalog.hashtextextended(pg_catalog.string_agg(coalesce(stamp, 0)"
      "::pg_catalog.text, ',' ORDER BY number), 0) FROM (SELECT t.number, {} AS stamp {}) AS s",
      StampSql(), FromSql(tables));
}

// TableMark::columns of `c`.
constexpr char kColumnsSql[] = R"(
  c.relnatts || '.' || (
    SELECT pg_catalog.count(*) FILTER (WHERE a.attisdropped) || '.' || coalesce(
             pg_catalog.string_agg(CASE WHEN a.attisdropped THEN '' ELSE
               pg_catalog.to_hex(pg_catalog.hashtext(a.attname::pg_catalog.text)) END, ','
               ORDER BY a.attnum), '')
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0))";

// One row for each table, in their order.
sql::Sql MarksSql(const std::vector<TableName>& tables) {
  return sql::Format("SELECT c.oid, {}, {}, {}, {} {} ORDER BY t.number", sql::Sql(kFilesSql),
                     sql::Sql(kColumnsSql), sql::Sql(kLabelsSql), StampSql(), FromSql(tables));
}

// Whether the catalogue tells which table was changed. Otherwise the mark of the whole database
// tells that something was.
bool TellsTablesApart(const sql::Session& session) {
  return sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
}

}  // namespace

CatalogWatch::CatalogWatch(sql::Session& session, const std::vector<TableName>& tables)
    : session_(session) {
  const bool has_stamps = TellsTablesApart(session) && !tables.empty();
  // Prepared: the server plans it once.
  if (has_stamps) session.Execute(sql::Sql("PREPARE syncline_catalog AS ") + OneStampSql(tables));
  sql::Transaction snapshot(session, sql::Session::Isolation::kSnapshot);
  database_ = sql::MarkOf(session);
  for (const TableName& table : tables) tables_[table] = {};
  if (has_stamps) {
    const auto marks = session.Query(MarksSql(tables));
    for (size_t i = 0; i < tables.size(); ++i) {
      const auto& row = marks.rows.at(i);
      tables_[tables[i]] = {.mark = {.object = row.at(0).value_or(""),
                                     .files = row.at(1).value_or(""),
                                     .columns = row.at(2).value_or(""),
                                     .labels = row.at(3).value_or("")},
                            .stamp = row.at(4).value_or("")};
    }
    stamp_ = session.Query("EXECUTE syncline_catalog").rows.at(0).at(0).value_or("");
  }
  snapshot.Commit();
}

bool CatalogWatch::IsOther(const sql::DatabaseMark& now) const {
  return now.body != database_.body || now.schema != database_.schema || now.age < database_.age;
}

bool CatalogWatch::Changed() {
  if (TellsTablesApart(session_)) {
    if (tables_.empty()) return false;
    return session_.Query("EXECUTE syncline_catalog").rows.at(0).at(0) != stamp_;
  }
  const sql::DatabaseMark now = sql::MarkOf(session_);
  if (IsOther(now)) return true;
  database_.age = now.age;
  database_.written = now.written;
  return false;
}

bool CatalogWatch::Moved() {
  if (TellsTablesApart(session_)) return false;
  const sql::DatabaseMark now = sql::MarkOf(session_);
  return IsOther(now) || now.written != database_.written;
}

void CatalogWatch::PrepareCheckOne(sql::Session& session) {
  if (!TellsTablesApart(session)) return;
  session.Execute(
      sql::Format("PREPARE syncline_catalog_one(pg_catalog.name, pg_catalog.name) AS SELECT {} {}",
                  StampSql(), sql::Format(kFromSql, sql::Sql("(0, $1, $2)"))));
}

void CatalogWatch::CheckOne(sql::Session& session, const TableName& table) const {
  bool is_same = false;
  if (TellsTablesApart(session)) {
    const auto row =
        session.Query(sql::Format("EXECUTE syncline_catalog_one({})", NameSql(table))).rows.at(0);
    is_same = row.at(0).value_or("") == tables_.at(table).stamp;
  } else {
    const sql::DatabaseMark now = sql::MarkOf(session);
    // Its age goes on meanwhile.
    is_same = now.body == database_.body && now.schema == database_.schema;
  }
  if (is_same) return;
  throw RestartError(table.ToString() + ": the table has changed while it was read",
                     "Syncline looks at it again and goes on.");
}

}  // namespace syncline::capture
