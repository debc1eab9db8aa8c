#pragma once

#include <spdlog/logger.h>

#include <map>
#include <memory>
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

// The source's tables that RequireSameMoments has looked at.
struct KnownTables {
  bool matters = false;  // false: everything is in UTC, or the source could not be asked
  std::map<TableName, std::shared_ptr<const TableSchema>> tables = {};
};

// Throws the first of them. A source that cannot be reached is warned of: its columns without a
// time zone count as what the tables' `zone` says, or else as UTC.
KnownTables RequireSameMoments(const PipelinePlan& pipeline, spdlog::logger& logger);

// The same for rows that were captured under `schema`. Asks the databases only where a column is
// not as in `known`.
void RequireSameMoments(const PipelinePlan& pipeline, const KnownTables& known,
                        const std::shared_ptr<const TableSchema>& schema);

}  // namespace syncline::cli
