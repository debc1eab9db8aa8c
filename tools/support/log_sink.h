#pragma once

#include <spdlog/sinks/stdout_color_sinks.h>

#include <chrono>
#include <cstdint>
#include <mutex>

namespace syncline::cli {

// Log lines on stderr. Where stderr is a pipe that nobody reads from, or a terminal that is held, a
// line waits for kPatience; then lines are left out until one can be written again, and how many
// they were is said: who reads the log may not stop what is logged. Thread-safe.
class LogSink : public spdlog::sinks::stderr_color_sink_mt {
 public:
  static constexpr std::chrono::milliseconds kPatience{1'000};

  void log(const spdlog::details::log_msg& message) override;

 private:
  using Base = spdlog::sinks::stderr_color_sink_mt;

  std::mutex turn_;        // from the look at stderr until the line is written
  uint64_t left_out_ = 0;  // guarded by turn_; 0: the last line was written
};

}  // namespace syncline::cli
