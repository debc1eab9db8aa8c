#pragma once

#include <optional>

#include "capture/check/check_result.h"
#include "capture/plan/capture_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// In which forms the stamps of a SQLite table are, by a sample of its rows, and what that means for
// its polls; nothing for other tables and for an empty one.
std::optional<CheckResult> CheckForms(sql::Session& session, const CapturePlan& plan);

}  // namespace syncline::capture
