#include "engine/log/log_end.h"

namespace syncline {

void LogEnd::Publish(Offset next) {
  {
    const std::lock_guard lock(mutex_);
    next_.store(next.value(), std::memory_order_release);
  }
  moved_.notify_all();
}

bool LogEnd::WaitPast(Offset position, Microseconds duration, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  moved_.wait_for(lock, stop, duration, [&] { return next() > position; });
  return !stop.stop_requested();
}

}  // namespace syncline
