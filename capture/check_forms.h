#pragma once

#include <optional>

#include "capture/capture_stage.h"
#include "capture/table_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// In which forms the stamps of a SQLite table are, by a sample of its rows, and what that means for
// its polls; nothing for other tables and for an empty one.
std::optional<Finding> CheckForms(sql::Session& session, const TablePlan& plan);

}  // namespace syncline::capture
