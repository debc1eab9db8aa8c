#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/model/schema.h"
#include "tools/check/check_report.h"
#include "tools/config/config.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// The source's tables as capture would log them.
using SourceSchemas = std::map<TableName, std::shared_ptr<const TableSchema>>;

// Some rows of each, as they come.
using SourceSamples = std::map<TableName, std::vector<Row>>;

// Looks at one pipeline's target: reachable, its progress row of this log, every table fit for what
// comes or possible to make. The tables are prepared with apply's own code in a transaction that is
// rolled back; nothing stays behind.
void CheckTarget(const Config& config, const PipelinePlan& pipeline, const SourceSchemas& schemas,
                 const SourceSamples& samples, CheckReport& report);

// Looks at one source's log: writable, and of this source.
void CheckLog(const Config& config, const SourcePlan& source, CheckReport& report);

}  // namespace syncline::cli
