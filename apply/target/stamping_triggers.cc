#include "apply/target/stamping_triggers.h"

#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::apply {
namespace {

// tgtype: 1 is a row trigger, 2 is BEFORE, 4 INSERT, 16 UPDATE. An argument may name the column
// (moddatetime), and so may the trigger's own name.
constexpr char kPostgres[] = R"(
  SELECT tgname FROM (
    SELECT t.tgname, lower(pg_catalog.pg_get_triggerdef(t.oid) || ' ' || p.prosrc) AS text
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
      AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0) AS found
  WHERE strpos(text, lower($2)) > 0
    AND text !~ 'current_user|session_user|current_role|application_name'
  ORDER BY tgname)";

constexpr char kSqlite[] =
    "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = $1 COLLATE NOCASE "
    "AND sql LIKE '%UPDATE%SET%' || $2 || '%' ORDER BY name";

}  // namespace

std::vector<std::string> StampingTriggers(sql::Session& session, const TableName& table,
                                          const std::string& cursor) {
  const auto found =
      sql::ForDialect(session.dialect(), sql::IfPostgres{[&] {
                        return session.Query(kPostgres, {sql::Quote(table).ToString(), cursor});
                      }},
                      sql::IfSqlite{[&] {
                        return session.Query(kSqlite, {table.name, cursor});
                      }});
  std::vector<std::string> names;
  for (const auto& row : found.rows) names.push_back(row.at(0).value());
  return names;
}

}  // namespace syncline::apply
