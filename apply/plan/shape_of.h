#pragma once

#include "apply/plan/apply_plan.h"
#include "apply/statements/target_shape.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// The plan's table as statements need it; `info` describes it as PrepareTargetTable left it. Throws
// UsageError for two cursor columns whose versions cannot be compared with each other.
TargetShape ShapeOf(const ApplyPlan& plan, const sql::TableInfo& info, sql::Session& session);

}  // namespace syncline::apply
