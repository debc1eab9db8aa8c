#include "capture/plan/named_columns.h"

#include "capture/plan/cursor_columns.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {

TableSpec AsTheTableNames(TableSpec spec, const sql::TableInfo& info, Dialect dialect) {
  const bool folds_names = sql::ForDialect(dialect, sql::IfPostgres{false}, sql::IfSqlite{true});
  if (!folds_names) return spec;
  const auto rename = [&](std::string& name) {
    const sql::ColumnInfo* const found = info.Find(name, dialect);
    if (found != nullptr && info.Find(name) == nullptr) name = found->column.name;
  };
  CursorColumns cursor = CursorColumns::Parse(spec.cursor);
  rename(cursor.column);
  if (!cursor.fallback.empty()) rename(cursor.fallback);
  spec.cursor = cursor.Text();
  for (std::string& column : spec.key) rename(column);
  if (!spec.deletes.flag.empty()) rename(spec.deletes.flag);
  return spec;
}

}  // namespace syncline::capture
