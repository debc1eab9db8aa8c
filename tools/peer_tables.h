#pragma once

#include <spdlog/logger.h>

#include <string>

#include "tools/plan.h"

namespace syncline::cli {

// Makes the tables of pipelines of two directions that `database` lacks, as apply would make them:
// it is captured from the beginning. Where `create` says no, capture tells what is missing. Throws
// as Session does.
void MakePeerTables(const Plan& plan, const std::string& database, spdlog::logger& logger);

}  // namespace syncline::cli
