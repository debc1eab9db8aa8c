#pragma once

#include <string>

#include "tools/config/config.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// The plan of one pipeline, for comparing its two sides. Throws UsageError when another pipeline
// fills one of its target tables: nobody can tell then whose a row is. EnvironmentError when there
// is no log yet.
Plan VerifyPlan(const Config& config, const std::string& pipeline);

}  // namespace syncline::cli
