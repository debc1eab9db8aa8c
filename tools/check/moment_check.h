#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/model/schema.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// A table of a pipeline's target that apply::RefuseOtherMoments refuses.
struct OtherMoments {
  TableName target;
  Error error;
};

// What is known of how a pipeline's columns without a time zone are to be read.
struct MomentFindings {
  std::vector<OtherMoments> refused;
  std::map<TableName, std::vector<std::string>> assumed;  // target -> apply::AssumedMoments
};

// Compares a pipeline's tables as both databases have them now. A table that one side lacks counts
// as made like the other's; of a table that cannot be captured capture tells. Throws what
// Session::Open throws.
MomentFindings FindOtherMoments(const PipelinePlan& pipeline);

// What a pipeline's databases have told of their moments. Plain value type.
struct KnownTables {
  // That the source has configured; nothing while it could not be asked: then its columns without a
  // time zone count as what the tables' `zone` says, or else as UTC.
  std::optional<std::string> source_zone = {};
  bool matters = false;  // false: by what is known everything is in UTC
  // The source's tables that RequireSameMoments has looked at.
  std::map<TableName, std::shared_ptr<const TableSchema>> tables = {};
};

// Throws the first of them. A source that cannot be reached is warned of, and none of its tables
// known then.
KnownTables RequireSameMoments(const PipelinePlan& pipeline, Logger& logger);

// The same, and nothing while the source cannot be reached.
std::optional<KnownTables> AskForMoments(const PipelinePlan& pipeline);

// The same for rows that were captured under `schema`. Asks the target, and only where a column is
// not as in `known`.
void RequireSameMoments(const PipelinePlan& pipeline, const KnownTables& known,
                        const std::shared_ptr<const TableSchema>& schema);

}  // namespace syncline::cli
