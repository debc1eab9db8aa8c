#pragma once

#include <string>

#include "engine/base/offset.h"
#include "engine/log/log_info.h"
#include "engine/sql/database_url.h"

namespace syncline::apply {

// Sets the next offset of a pipeline's row (`syncline offsets set`) for good; a running apply
// process notices and goes on from there. Throws UsageError when there is no such row, it belongs
// to another log, or parked changes do not (CheckParked).
void SetProgress(const sql::DatabaseUrl& target, const std::string& pipeline, const LogInfo& log,
                 Offset next);

}  // namespace syncline::apply
