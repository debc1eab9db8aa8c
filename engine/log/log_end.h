#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/base/offset.h"

namespace syncline {

// How far the writer of this process has acknowledged. Its readers deliver nothing past it and wait
// for it to move. Private to engine/log; thread-safe.
class LogEnd {
 public:
  explicit LogEnd(Offset next) : next_(next.value()) {}

  Offset next() const { return Offset(next_.load(std::memory_order_acquire)); }

  void Publish(Offset next);

  // Returns when there is something at `position`, after `duration`, or at a stop; false for the
  // latter.
  bool WaitPast(Offset position, Microseconds duration, std::stop_token stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any moved_;
  std::atomic<uint64_t> next_;  // written under mutex_
};

}  // namespace syncline
