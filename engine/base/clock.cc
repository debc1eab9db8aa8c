#include "engine/base/clock.h"

namespace syncline {

WallTime SystemClock::Now() const {
  return std::chrono::time_point_cast<Microseconds>(std::chrono::system_clock::now());
}

Microseconds SystemClock::Monotonic() const {
  return std::chrono::duration_cast<Microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

bool SystemClock::Sleep(Microseconds duration, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

WallTime ManualClock::Now() const {
  std::lock_guard lock(mutex_);
  return WallTime(elapsed_);
}

Microseconds ManualClock::Monotonic() const {
  std::lock_guard lock(mutex_);
  return elapsed_;
}

bool ManualClock::Sleep(Microseconds duration, std::stop_token stop) {
  if (stop.stop_requested()) return false;
  Advance(duration);
  return true;
}

void ManualClock::Advance(Microseconds duration) {
  std::lock_guard lock(mutex_);
  elapsed_ += duration;
}

}  // namespace syncline
