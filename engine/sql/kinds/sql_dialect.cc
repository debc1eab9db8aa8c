#include "engine/sql/sql_dialect.h"

#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/postgres/postgres_dialect.h"
#include "engine/sql/sqlite/sqlite_dialect.h"

namespace syncline::sql {

void ThrowUnknownDialect(Dialect kind) {
  throw StopError(
      fmt::format("this build knows no database of kind {}", static_cast<unsigned>(kind)),
      "Use the build that wrote the log, or a later one.");
}

const SqlDialect& DialectOf(Dialect kind) {
  return ForDialect(kind, IfPostgres{[]() -> const SqlDialect& { return PostgresSqlDialect(); }},
                    IfSqlite{[]() -> const SqlDialect& { return SqliteSqlDialect(); }});
}

const SqlDialect& DialectOf(const Session& session) { return DialectOf(session.dialect()); }

TableName WithDefaultSchema(TableName table, Dialect kind) {
  if (table.schema.empty()) table.schema = DialectOf(kind).DefaultSchema();
  return table;
}

TableName NameIn(Dialect kind, const TableName& table) {
  if (!DialectOf(kind).can().has_schemas) return {"", table.name};
  return WithDefaultSchema(table, kind);
}

}  // namespace syncline::sql
