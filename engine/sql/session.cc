#include "engine/sql/session.h"

#include "engine/sql/database_mark.h"
#include "engine/sql/postgres_session.h"
#include "engine/sql/sqlite_session.h"

namespace syncline::sql {

std::unique_ptr<Session> Session::Open(const DatabaseUrl& url, const SessionOptions& options) {
  if (url.dialect == Dialect::kPostgres) return std::make_unique<PostgresSession>(url, options);
  return std::make_unique<SqliteSession>(url, options);
}

DatabaseMark MarkOf(Session& session) {
  if (session.dialect() == Dialect::kPostgres) {
    return static_cast<PostgresSession&>(session).Mark();
  }
  return static_cast<SqliteSession&>(session).Mark();
}

}  // namespace syncline::sql
