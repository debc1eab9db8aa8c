#include "engine/sql/quiet_triggers.h"

#include "engine/sql/for_dialect.h"
#include "engine/sql/sqlite/sqlite_session.h"

namespace syncline::sql {

void QuietTriggers(Session& session) {
  ForDialect(session.dialect(),
             IfPostgres{[&] { session.Execute("SET session_replication_role = replica"); }},
             IfSqlite{[&] { static_cast<SqliteSession&>(session).QuietTriggers(); }});
}

}  // namespace syncline::sql
