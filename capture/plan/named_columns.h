#pragma once

#include "capture/plan/table_spec.h"
#include "engine/sql/table_info.h"

namespace syncline::capture {

// SQLite compares names without case: key, cursor and soft deletion of `spec` by the names that the
// table's columns have. What no column is called so stays as it is, and so does everything of
// PostgreSQL. What is omitted, or mapped, is compared to the letter: by the target, too.
TableSpec AsTheTableNames(TableSpec spec, const sql::TableInfo& info, Dialect dialect);

}  // namespace syncline::capture
