#include "engine/sql/table_info.h"

namespace syncline::sql {

const ColumnInfo* TableInfo::Find(std::string_view column) const {
  for (const ColumnInfo& info : columns) {
    if (info.column.name == column) return &info;
  }
  return nullptr;
}

}  // namespace syncline::sql
