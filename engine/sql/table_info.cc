#include "engine/sql/table_info.h"

#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::sql {

const ColumnInfo* TableInfo::Find(std::string_view column) const {
  for (const ColumnInfo& info : columns) {
    if (info.column.name == column) return &info;
  }
  return nullptr;
}

const ColumnInfo* TableInfo::Find(std::string_view column, Dialect dialect) const {
  for (const ColumnInfo& info : columns) {
    if (IsSameName(info.column.name, column, dialect)) return &info;
  }
  return nullptr;
}

Sql OwnRows(const TableName& table, TableInfo::Kind kind, Dialect dialect) {
  const bool may_inherit = ForDialect(dialect, IfPostgres{true}, IfSqlite{false});
  const bool has_heirs = may_inherit && kind == TableInfo::Kind::kTable;
  return has_heirs ? "ONLY " + Quote(table) : Quote(table);
}

}  // namespace syncline::sql
