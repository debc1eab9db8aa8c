#pragma once

#include <string>

#include "capture/plan/capture_plan.h"

namespace syncline::capture {

// The column that an update sets, and the one that an insert sets. Pure.
const std::string& UpdateColumn(const CapturePlan& plan);
const std::string& InsertColumn(const CapturePlan& plan);

}  // namespace syncline::capture
