#pragma once

#include <memory>
#include <vector>

#include "capture/polling/capture_orders.h"
#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/base/offset.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// Has the source polled now, with the rows named by `again` read once more, and returns where the
// log ends then: it holds every state that could be seen when this was called. The process that
// captures the source does it; where there is none this one does what `capture --once` would, with
// what is not loaded yet loaded first. Throws as the capture does.
Offset PollSource(const SourcePlan& source, const std::vector<capture::RowKeys>& again,
                  Clock& clock, const std::shared_ptr<Logger>& logger);

}  // namespace syncline::cli
