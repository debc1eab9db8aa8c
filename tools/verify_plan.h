#pragma once

#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "tools/config.h"
#include "tools/plan.h"

namespace syncline::cli {

// The plan of one pipeline, for comparing its two sides. Throws UsageError when another pipeline
// fills one of its target tables: nobody can tell then whose a row is. EnvironmentError when there
// is no log yet.
Plan VerifyPlan(const Config& config, const std::string& pipeline);

// The value of --wait. Throws UsageError.
Microseconds ParseWait(std::string_view text);

}  // namespace syncline::cli
