#pragma once

#include <spdlog/logger.h>

#include <vector>

#include "engine/base/error.h"
#include "engine/model/schema.h"
#include "tools/plan.h"

namespace syncline::cli {

// A table of a pipeline's target that apply::RefuseOtherMoments refuses.
struct OtherMoments {
  TableName target;
  Error error;
};

// Compares a pipeline's tables as both databases have them now. A table that one side lacks counts
// as made like the other's; of a table that cannot be captured capture tells. Throws what
// Session::Open throws.
std::vector<OtherMoments> FindOtherMoments(const PipelinePlan& pipeline);

// Throws the first of them. A source that cannot be reached is warned of: its columns without a
// time zone count as what the tables' `zone` says, or else as UTC.
void RequireSameMoments(const PipelinePlan& pipeline, spdlog::logger& logger);

}  // namespace syncline::cli
