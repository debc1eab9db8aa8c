#include "engine/model/row_clock.h"

#include <algorithm>
#include <limits>

#include "engine/model/checksum.h"

namespace syncline {
namespace {

// `infinity` as a stamp leaves room for what follows it.
constexpr int64_t kTimeMax = std::numeric_limits<int64_t>::max() / 2;

}  // namespace

NodeId NodeIdOf(std::string_view identity) { return std::max<NodeId>(Checksum64(identity), 1); }

RowClock NextClock(int64_t stamp, const std::optional<RowClock>& known, NodeId node) {
  int64_t time = std::clamp(stamp, -kTimeMax, kTimeMax);
  if (known) time = std::max(time, known->time + 1);
  return {time, node};
}

bool IsClock(const RowClock& clock) {
  constexpr int64_t kReached = std::numeric_limits<int64_t>::max() / 4 * 3;
  return clock.origin != 0 && clock.time >= -kReached && clock.time <= kReached;
}

}  // namespace syncline
