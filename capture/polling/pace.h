#pragma once

#include "engine/base/clock.h"

namespace syncline::capture {

// From the start of one poll to the start of the next. Equal ends: always that long.
struct PollInterval {
  Microseconds least = std::chrono::milliseconds(200);
  Microseconds most = std::chrono::milliseconds(200);

  bool operator==(const PollInterval&) const = default;
};

// How long a source is left alone between two polls: half as long as before after a poll that found
// something, twice as long after one that found nothing, within the interval. Where the two ends
// differ, polls take at most a fifth of the time, unless that is more than the longer end. Decides
// only; belongs to one thread.
class Pace {
 public:
  explicit Pace(PollInterval interval) : interval_(interval), now_(interval.least) {}

  // The rest after a poll that took so long, and found something or did not. Never negative.
  Microseconds Rest(Microseconds took, bool found);

 private:
  const PollInterval interval_;
  Microseconds now_;
};

}  // namespace syncline::capture
