#include "capture/polling/pace.h"

#include <algorithm>

namespace syncline::capture {

Microseconds Pace::Rest(Microseconds took, bool found) {
  constexpr int kShareOfPolls = 5;
  now_ = std::clamp(found ? now_ / 2 : now_ * 2, interval_.least, interval_.most);
  Microseconds until_next = now_;
  if (interval_.least != interval_.most) {
    until_next = std::max(until_next, std::min(took * kShareOfPolls, interval_.most));
  }
  return std::max(until_next - took, Microseconds(0));
}

}  // namespace syncline::capture
