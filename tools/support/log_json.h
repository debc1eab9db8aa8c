#pragma once

#include <spdlog/formatter.h>

#include <memory>
#include <string_view>

#include "tools/support/value_json.h"

namespace syncline::cli {

// A line of the program's own log as LogText makes it, a phrase and then `key=value` or
// `key="value"`, as members of an object: `message`, and each key. Integers become numbers. A key
// that the line itself has
// ("message", "time", "level") gets an underscore behind it. Pure.
Json LogMembers(std::string_view line);

// Writes log lines as one JSON object each: `time`, `level`, and LogMembers. Thread-safe as its
// sink is.
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override;
  std::unique_ptr<spdlog::formatter> clone() const override;
};

}  // namespace syncline::cli
