#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace syncline {

using Microseconds = std::chrono::microseconds;
// Wall clock time; microseconds since 1970-01-01 UTC.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Microseconds>;

// All waiting and all reading of time goes through a Clock, so that tests need not sleep.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual WallTime Now() const = 0;
  // Never goes backwards; its zero is arbitrary.
  virtual Microseconds Monotonic() const = 0;
  // Returns after `duration`, or at once when `stop` is requested; false if it was.
  virtual bool Sleep(Microseconds duration, std::stop_token stop) = 0;
};

class SystemClock : public Clock {
 public:
  WallTime Now() const override;
  Microseconds Monotonic() const override;
  bool Sleep(Microseconds duration, std::stop_token stop) override;

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
};

// A clock that moves only when told to: Sleep moves it by the whole duration and returns at once.
class ManualClock : public Clock {
 public:
  WallTime Now() const override;
  Microseconds Monotonic() const override;
  bool Sleep(Microseconds duration, std::stop_token stop) override;
  void Advance(Microseconds duration);

 private:
  mutable std::mutex mutex_;
  Microseconds elapsed_{0};  // guarded by mutex_
};

}  // namespace syncline
