#pragma once

#include <string>
#include <vector>

#include "engine/base/logger.h"
#include "tools/commands/invocation.h"
#include "tools/service/runner.h"

namespace syncline::cli {

// What `run`, `capture` and `apply` share: configuration, plan, signals, a summary in the log every
// ten seconds when something moved. `names` as MakePlan takes them. Returns when stopped by a
// signal or done; throws the first failure.
int RunStages(const Invocation& invocation, const std::vector<std::string>& names,
              Runner::Options options);

// Logs what has moved since `before` (source and pipeline lines); the activity now.
Activity LogSummary(StageWatch& watch, const Activity& before, Logger& logger);

}  // namespace syncline::cli
