#pragma once

#include <map>
#include <memory>

#include "engine/model/schema.h"
#include "tools/check_report.h"
#include "tools/config.h"
#include "tools/plan.h"

namespace syncline::cli {

// The source's tables as capture would log them.
using SourceSchemas = std::map<TableName, std::shared_ptr<const TableSchema>>;

// Looks at one pipeline's target: reachable, its progress row of this log, every table fit for what
// comes or possible to make. The tables are prepared with apply's own code in a transaction that is
// rolled back; nothing stays behind.
void CheckTarget(const Config& config, const PipelinePlan& pipeline, const SourceSchemas& schemas,
                 CheckReport& report);

// Looks at one source's log: writable, and of this source.
void CheckLog(const Config& config, const SourcePlan& source, CheckReport& report);

}  // namespace syncline::cli
