#pragma once

#include <chrono>
#include <memory>

#include "engine/base/stop_grace.h"

namespace syncline::sql {

// How long sessions wait for their database. Plain value type.
struct WaitLimits {
  // Without an answer for so long, and without a sign that the server is at work on it, a session
  // counts as lost.
  std::chrono::milliseconds stall = std::chrono::seconds(60);
  // Ends every wait when its grace is over; null: nothing does.
  std::shared_ptr<const StopGrace> stop = {};
};

}  // namespace syncline::sql
