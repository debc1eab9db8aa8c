#pragma once

#include <cstdint>

#include "capture/plan/table_spec.h"
#include "engine/model/row.h"
#include "engine/model/schema.h"
#include "engine/sql/table_info.h"

namespace syncline::capture {

// A column that tells which rows count as deleted. A truth value or a number is set unless it is
// false, 0 or NULL; a date or a time unless it is NULL. Plain value type.
struct SoftFlag {
  uint32_t column = 0;     // index into the schema's columns
  bool is_number = false;  // or a truth value
  bool operator==(const SoftFlag&) const = default;
};

// The one that spec.deletes names; `schema` is what is captured of the table. Pure. Throws
// UsageError for a column that is not there, is part of the key or the cursor, or is of another
// type.
SoftFlag PlanSoftFlag(const TableSpec& spec, const sql::TableInfo& info, const TableSchema& schema);

// Throws StopError for a text in a column of numbers, which only SQLite can hold.
bool IsSet(const SoftFlag& flag, const TableSchema& schema, const Row& row);

}  // namespace syncline::capture
