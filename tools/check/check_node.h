#pragma once

#include <vector>

#include "tools/check/check_report.h"
#include "tools/check/check_target.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// Whether a database is a SQLite file that is not there yet, and a pipeline of two directions will
// make it.
bool WillBeMade(const Config& config, const std::string& database);

// Of a database in two directions: those of the source's tables that are there, or that nobody will
// make, to be checked like any source's. For the others it is noted that they will be made.
std::vector<capture::TableSpec> TablesThere(const SourcePlan& source,
                                            const std::vector<PipelinePlan>& pipelines,
                                            CheckReport& report);

// What comes from the other database of such a pipeline, as far as it can be seen.
SourceSchemas ReplicaSchemas(const PipelinePlan& pipeline);

}  // namespace syncline::cli
