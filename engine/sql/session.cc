#include "engine/sql/session.h"

#include "engine/sql/database_mark.h"
#include "engine/sql/describe_all.h"
#include "engine/sql/planned_query.h"
#include "engine/sql/postgres_session.h"
#include "engine/sql/sqlite_session.h"

namespace syncline::sql {

Sql Symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return "<";
    case Comparison::kLessEqual:
      return "<=";
    case Comparison::kEqual:
      return "=";
    case Comparison::kGreaterEqual:
      return ">=";
    case Comparison::kGreater:
      return ">";
  }
  return "=";
}

std::vector<Sql> KeyEquals(Session& session, const TableSchema& table) {
  std::vector<Sql> equals;
  for (const uint32_t column : table.key) {
    equals.push_back(session.Operator(table.columns[column], Comparison::kEqual));
  }
  return equals;
}

std::unique_ptr<Session> Session::Open(const DatabaseUrl& url, const SessionOptions& options) {
  if (url.dialect == Dialect::kPostgres) return std::make_unique<PostgresSession>(url, options);
  return std::make_unique<SqliteSession>(url, options);
}

std::vector<std::optional<TableInfo>> DescribeAll(Session& session,
                                                  std::span<const TableName> tables) {
  if (session.dialect() == Dialect::kPostgres) {
    return static_cast<PostgresSession&>(session).DescribeAll(tables);
  }
  std::vector<std::optional<TableInfo>> infos;
  for (const TableName& table : tables) infos.push_back(session.Describe(table));
  return infos;
}

ResultSet QueryPlanned(Session& session, const Sql& sql, const Parameters& parameters) {
  if (session.dialect() == Dialect::kPostgres) {
    return static_cast<PostgresSession&>(session).QueryPlanned(sql, parameters);
  }
  return session.Query(sql, parameters);
}

DatabaseMark MarkOf(Session& session) {
  if (session.dialect() == Dialect::kPostgres) {
    return static_cast<PostgresSession&>(session).Mark();
  }
  return static_cast<SqliteSession&>(session).Mark();
}

}  // namespace syncline::sql
