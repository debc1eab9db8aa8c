#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>

namespace syncline {

// A stop as threads see it that wait for a server, a socket or a child process: from the stop on,
// what is under way may still end by itself for a while, and is given up then. One for a process;
// everything that waits shares it. Thread-safe.
class StopGrace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kGrace{5};
  // For telling a server that nobody waits any more, after the grace.
  static constexpr std::chrono::seconds kFarewell{2};

  // Throws EnvironmentError when the system has no descriptor left.
  explicit StopGrace(std::stop_token stop);
  ~StopGrace();
  StopGrace(const StopGrace&) = delete;
  StopGrace& operator=(const StopGrace&) = delete;

  // Readable from the stop on; never read from.
  int fd() const { return wake_; }
  bool requested() const { return requested_at_ != kNever; }
  // When the grace is over; nothing before the stop.
  std::optional<Clock::time_point> end() const;
  bool over() const;

 private:
  static constexpr Clock::rep kNever = 0;
  struct Note {
    StopGrace* grace;
    void operator()() const;
  };

  std::atomic<Clock::rep> requested_at_ = kNever;
  int wake_;  // an eventfd
  std::stop_callback<Note> note_;
};

}  // namespace syncline
