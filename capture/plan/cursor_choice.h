#pragma once

#include <string>

#include "capture/plan/capture_plan.h"
#include "capture/plan/cursor_columns.h"
#include "capture/plan/table_spec.h"
#include "engine/model/schema.h"
#include "engine/sql/table_info.h"

namespace syncline::capture {

// By what a table is polled: whether its columns, and what it is, fit the method that the
// configuration names. All functions are pure.

// `columns` are those of spec.cursor. Throws UsageError, naming the table and what to do, where
// they cannot be polled by, or the method is not for such a table.
CursorKind ChooseCursor(const TableSpec& spec, const CursorColumns& columns,
                        const sql::TableInfo& info, Dialect dialect);

// Why a table of that kind has to be captured by other methods than CaptureMethod::kXmin; empty: it
// does not.
std::string WhyNotByXmin(sql::TableInfo::Kind kind, Dialect dialect);

// Throws UsageError for a table of which a pipeline of two directions could not decide conflicts,
// or not tell what its own users have written.
void RefuseInTwoDirections(const CapturePlan& plan);

}  // namespace syncline::capture
