#pragma once

#include <optional>

#include "capture/check/check_result.h"
#include "capture/plan/capture_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// What a poll of a table costs a PostgreSQL source: how the server plans one that finds little, or,
// where every poll reads the whole table, its pages and about how long that takes, told from the
// time that some of them take now. Nothing for cursors of which no plan can be told beforehand, and
// for other databases.
std::optional<CheckResult> CheckCost(sql::Session& session, const CapturePlan& plan);

}  // namespace syncline::capture
