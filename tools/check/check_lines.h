#pragma once

#include "tools/check/check_report.h"
#include "tools/config/config.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// Looks at a target of lines: the file can be written or made, it fits its position, and the
// position is of this log. Changes nothing.
void CheckLines(const Config& config, const PipelinePlan& pipeline, CheckReport& report);

}  // namespace syncline::cli
