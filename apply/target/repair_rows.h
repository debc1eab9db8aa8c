#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apply/rules/table_mapping.h"
#include "apply/state/progress.h"
#include "apply/state/quarantine.h"
#include "engine/base/logger.h"
#include "engine/sql/database_url.h"

namespace syncline::apply {

// Whose target is mended. Plain value type.
struct RepairTarget {
  sql::DatabaseUrl url;
  std::vector<TableMapping> tables;
  std::string source;  // LogInfo::source
  std::string pipeline;
  std::shared_ptr<Logger> logger;
};

struct RepairResult {
  Offset at;  // of the target when it was mended
  uint64_t written = 0;
  std::vector<RefusedStep> refused;  // these are as they were
};

// Gives rows of a target the states that the log has for the target's own offset, over whatever is
// there, in one transaction that holds the pipeline's progress row and leaves it where it is: no
// batch comes in between, and the next one finds the states that its changes follow. Rows go
// through the writer that batches go through; no conflicts are recorded.
//
// `steps_at` is asked, under the lock, what to write for the offset that the target has; it may be
// asked again. Throws UsageError when the pipeline has no progress row.
RepairResult RepairRows(const RepairTarget& target,
                        const std::function<std::vector<TableChanges>(Offset at)>& steps_at);

}  // namespace syncline::apply
