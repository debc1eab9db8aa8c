#include "engine/sql/database_mark.h"
#include "engine/sql/describe_all.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/planned_query.h"
#include "engine/sql/postgres/postgres_session.h"
#include "engine/sql/session.h"
#include "engine/sql/sqlite/sqlite_session.h"

namespace syncline::sql {

std::unique_ptr<Session> Session::Open(const DatabaseUrl& url, const SessionOptions& options) {
  using Opened = std::unique_ptr<Session>;
  return ForDialect(
      url.dialect,
      IfPostgres{[&]() -> Opened { return std::make_unique<PostgresSession>(url, options); }},
      IfSqlite{[&]() -> Opened { return std::make_unique<SqliteSession>(url, options); }});
}

std::vector<std::optional<TableInfo>> DescribeAll(Session& session,
                                                  std::span<const TableName> tables) {
  using Infos = std::vector<std::optional<TableInfo>>;
  return ForDialect(session.dialect(), IfPostgres{[&] {
                      return static_cast<PostgresSession&>(session).DescribeAll(tables);
                    }},
                    IfSqlite{[&] {
                      Infos infos;
                      for (const TableName& table : tables) {
                        infos.push_back(session.Describe(table));
                      }
                      return infos;
                    }});
}

ResultSet QueryPlanned(Session& session, const Sql& sql, const Parameters& parameters) {
  return ForDialect(session.dialect(), IfPostgres{[&] {
                      return static_cast<PostgresSession&>(session).QueryPlanned(sql, parameters);
                    }},
                    IfSqlite{[&] { return session.Query(sql, parameters); }});
}

DatabaseMark MarkOf(Session& session) {
  return ForDialect(session.dialect(),
                    IfPostgres{[&] { return static_cast<PostgresSession&>(session).Mark(); }},
                    IfSqlite{[&] { return static_cast<SqliteSession&>(session).Mark(); }});
}

}  // namespace syncline::sql
