#pragma once

#include <map>
#include <string>

#include "capture/cursor/guarantee.h"
#include "engine/base/logger.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// Makes the tables of pipelines of two directions that `database` lacks, as apply would make them:
// it is captured from the beginning. Not those that are `captured` already, by their names: they
// are gone. Where `create` says no, capture tells what is missing. Throws as Session does.
void MakeReplicaTables(const Plan& plan, const std::string& database,
                       const std::map<std::string, capture::Guarantee>& captured, Logger& logger);

// Throws UsageError, as `check` fails, for a pipeline of two directions whose tables hold less on
// one side than on the other. Says nothing of databases that cannot be asked now: what keeps from
// them is for capture and apply to tell.
void RefuseReplicaNarrowing(const PipelinePlan& pipeline);

}  // namespace syncline::cli
