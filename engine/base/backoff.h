#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <vector>

#include "engine/base/clock.h"

namespace syncline {

// How long to wait before the next try: exponential with equal jitter, as in "Exponential Backoff
// And Jitter" (AWS Architecture Blog, 2015). Belongs to one thread.
class Backoff {
 public:
  struct Options {
    Microseconds first = std::chrono::milliseconds(100);
    Microseconds most = std::chrono::seconds(30);
    // Instead: these, one after the other and the last again and again, to the point.
    std::vector<Microseconds> waits = {};
    // After so many there is no other try; none: it goes on for as long as it takes.
    std::optional<int> retries = {};
    bool operator==(const Options&) const = default;
  };

  Backoff();
  explicit Backoff(Options options, uint64_t seed = std::random_device{}());

  // Between half of the current step and the step; doubles the step up to `most`.
  Microseconds Next();
  // After a success: the next wait is short again.
  void Reset();
  // Calls of Next since the last Reset.
  int tries() const { return tries_; }
  // Whether there have been as many retries as there may be.
  bool exhausted() const { return options_.retries && tries_ >= *options_.retries; }

 private:
  Options options_;
  std::minstd_rand random_;
  int tries_ = 0;
};

}  // namespace syncline
