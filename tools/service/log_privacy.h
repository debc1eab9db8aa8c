#pragma once

#include "engine/base/logger.h"
#include "engine/log/log_ref.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// Before a log is written: takes the rights on it from all other users, and says so in one
// line if there were some. What cannot be trusted is refused when the log is opened, not here.
void KeepPrivate(const LogPlace& log, Logger& logger);

// The same for the place of all logs, and for each log of the plan.
void KeepPrivate(const Plan& plan, Logger& logger);

}  // namespace syncline::cli
