#pragma once

#include <memory>
#include <string_view>

#include "engine/base/logger.h"

namespace syncline::cli {

enum class LogForm {
  kText,  // time, level and line
  kJson,  // an object a line: `time`, `level`, and LogMembers
};

// Log lines on stderr, coloured on a terminal, of `level` ("trace" to "error", "off") and above.
// Where stderr is a pipe that nobody reads from, or a terminal that is held, a line waits for a
// second; then lines are left out until one can be written again, and how many they were is said:
// who reads the log may not stop what is logged. Thread-safe.
std::shared_ptr<Logger> StderrLogger(std::string_view level, LogForm form);

}  // namespace syncline::cli
