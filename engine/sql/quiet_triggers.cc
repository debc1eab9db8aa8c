#include "engine/sql/quiet_triggers.h"

#include "engine/sql/sqlite_session.h"

namespace syncline::sql {

void QuietTriggers(Session& session) {
  if (session.dialect() == Dialect::kSqlite) {
    return static_cast<SqliteSession&>(session).QuietTriggers();
  }
  session.Execute("SET session_replication_role = replica");
}

}  // namespace syncline::sql
