#pragma once

#include "capture/plan/capture_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Throws UsageError where a table's `zone` means nothing, or nobody knows it: the server, or for a
// SQLite file this machine. UTC can be said of any table: it is what columns without a time zone
// count as, be they a target's, where no database says otherwise.
void CheckZone(sql::Session& session, const CapturePlan& plan);

}  // namespace syncline::capture
