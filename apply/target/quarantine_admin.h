#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apply/rules/table_mapping.h"
#include "engine/base/logger.h"
#include "engine/log/log_reader.h"
#include "engine/sql/database_url.h"

namespace syncline::apply {

// What a person does about parked changes, beside a running pipeline or without one: each call is
// one transaction on the target that locks the pipeline's progress row (one that is gone is lent
// for that time), so that no batch comes in between, and the next batch sees what was done.

// Whose quarantine. Plain value type.
struct QuarantineAdmin {
  sql::DatabaseUrl target;
  std::vector<TableMapping> tables;
  std::string source;  // LogInfo::source
  std::string pipeline;
  std::shared_ptr<Logger> logger;
  // Of the source; borrowed. A change that was parked without columns which the pipeline does not
  // take is completed from there: it may take more of them by now. Null: applied as it was parked.
  LogReader* log = nullptr;
};

struct QuarantineResult {
  uint64_t applied = 0;  // changes of the log, those that were waiting included
  uint64_t skipped = 0;
  std::map<uint64_t, std::string> refused;  // id -> why, of what was tried in vain and stays
};

// Applies the refused changes `ids` (none named: all) together with what waits behind each, as one
// step for each row, in the log's order, by the same rules as a batch. What is accepted leaves the
// quarantine; what is refused stays, with its reason as it is now. Throws UsageError for an id that
// is not a refused change of this pipeline.
QuarantineResult RetryQuarantined(const QuarantineAdmin& care, std::span<const uint64_t> ids);

// Drops the refused changes `ids` for good, and says so in the log lines. What waits behind them is
// applied in their place; if it is refused, it is parked in their place.
QuarantineResult SkipQuarantined(const QuarantineAdmin& care, std::span<const uint64_t> ids);

}  // namespace syncline::apply
