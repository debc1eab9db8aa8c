#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/stop_grace.h"

namespace syncline::cli {

struct ChildOptions {
  std::vector<std::string> command;  // a path, and its arguments
  std::vector<std::pair<std::string, std::string>> environment;
  // What else of this process's own environment is passed on; nothing here: all of it.
  std::optional<std::vector<std::string>> inherited = {};
  Microseconds timeout;
  size_t output_max = 1u << 20;  // of stdout that is kept; the rest is read and dropped
  // Between the request to end and the end.
  Microseconds kill_after = std::chrono::seconds(5);
  // The same as a stop, when its grace is over; null: nothing.
  std::shared_ptr<const StopGrace> grace = {};
};

struct ChildResult {
  enum class End { kExited, kKilled, kTimedOut, kStopped };
  End end = End::kExited;
  int code = 0;  // exit code, or the signal's number
  std::string output;
};

// Runs a program in a process group of its own, with nothing on stdin and its stderr on ours, and
// waits for its end. When stopped, or when the time is over, the whole group gets SIGTERM, and
// SIGKILL if that does not end it in `kill_after`. Throws EnvironmentError when it cannot be begun,
// or not be waited for; then it has been ended.
ChildResult RunChild(const ChildOptions& options, std::stop_token stop);

}  // namespace syncline::cli
