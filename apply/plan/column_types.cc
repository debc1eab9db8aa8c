#include "apply/plan/column_types.h"

#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/type_resolution.h"

namespace syncline::apply {
namespace {

// Nothing: the target has no such type.
std::optional<sql::Sql> Resolve(sql::Session& session, Dialect from, const Column& column,
                                const TableName& target) {
  const Dialect to = session.dialect();
  const bool resolves = sql::ForDialect(from, sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!resolves || to != from) return sql::ColumnTypeFor(column, from, to);
  return InContext(fmt::format("column {} of {}", column.name, target.ToString()),
                   [&] { return sql::ResolveType(session, column.native_type, target.schema); });
}

}  // namespace

sql::Sql TypeOnTarget(sql::Session& session, Dialect from, const Column& column,
                      const TableName& target) {
  if (auto type = Resolve(session, from, column, target)) return *std::move(type);
  const sql::Sql name = sql::DeclaredType(column.native_type, session.dialect());
  throw sql::NoSuchTypeError(
      fmt::format("column {} of {} is of type {}, and the target has no such type", column.name,
                  target.ToString(), name.text()),
      "Make the type on the target, in the schema of that table or in public (`syncline "
      "check` shows the CREATE TYPE); or make the column there yourself with another type, "
      "such as text; or omit it.");
}

sql::Sql TypeToShow(sql::Session& session, Dialect from, const Column& column,
                    const TableName& target) {
  if (auto type = Resolve(session, from, column, target)) return *std::move(type);
  return sql::DeclaredType(column.native_type, session.dialect());
}

}  // namespace syncline::apply
