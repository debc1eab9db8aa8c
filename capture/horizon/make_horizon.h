#pragma once

#include <memory>
#include <vector>

#include "capture/horizon/horizon.h"
#include "capture/plan/capture_plan.h"
#include "engine/base/clock.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// The horizon for the session's kind of database. Borrows the session, which must be outside of any
// transaction.
std::unique_ptr<Horizon> MakeHorizon(sql::Session& session, const std::vector<CapturePlan>& tables,
                                     Microseconds margin);

}  // namespace syncline::capture
