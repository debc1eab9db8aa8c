#pragma once

#include <spdlog/logger.h>

#include "tools/plan.h"

namespace syncline::cli {

// Makes the tables of pipelines of two directions that one side lacks, as apply would make them:
// each side is captured from the beginning. Where `create` says no, capture tells what is missing.
// Throws as Session does.
void MakePeerTables(const Plan& plan, spdlog::logger& logger);

}  // namespace syncline::cli
