#include "engine/base/backoff.h"

#include <algorithm>
#include <utility>

namespace syncline {

Backoff::Backoff() : Backoff(Options{}) {}

Backoff::Backoff(Options options, uint64_t seed)
    : options_(std::move(options)), random_(static_cast<std::minstd_rand::result_type>(seed)) {}

Microseconds Backoff::Next() {
  if (!options_.waits.empty()) {
    const size_t last = options_.waits.size() - 1;
    return options_.waits[std::min(static_cast<size_t>(tries_++), last)];
  }
  const int doublings = std::min(tries_++, 30);
  const auto step = std::min<int64_t>(options_.most.count(), options_.first.count() << doublings);
  return Microseconds(std::uniform_int_distribution<int64_t>(step / 2, step)(random_));
}

void Backoff::Reset() { tries_ = 0; }

}  // namespace syncline
