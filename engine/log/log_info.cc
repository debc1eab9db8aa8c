#include "engine/log/log_info.h"

#include <algorithm>

namespace syncline {

Offset LogInfo::SharedUpTo(uint64_t known) const {
  if (known > epoch) return Offset(0);
  Offset shared(UINT64_MAX);
  uint64_t later = 0;
  for (auto begin = begins.upper_bound(known); begin != begins.upper_bound(epoch); ++begin) {
    shared = std::min(shared, begin->second);
    ++later;
  }
  return later == epoch - known ? shared : Offset(0);  // where one began nobody knows
}

}  // namespace syncline
