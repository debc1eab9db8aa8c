#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/logger.h"

namespace syncline::test {

// Keeps the lines of a log, "[level] line\n" each, of a level and above. Thread-safe.
class TextLogger : public Logger {
 public:
  // `told` is called with each line, on the thread that logs it and without a lock.
  explicit TextLogger(Level least = Level::kInfo,
                      std::function<void(std::string_view line)> told = {})
      : least_(least), told_(std::move(told)) {}

  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 protected:
  bool Takes(Level level) const override { return level >= least_; }
  void Write(Level level, std::string_view line) override {
    constexpr std::string_view kNames[] = {"trace", "debug", "info", "warning", "error"};
    {
      const std::lock_guard lock(mutex_);
      text_.append("[").append(kNames[static_cast<int>(level)]).append("] ").append(line) += '\n';
    }
    if (told_) told_(line);
  }

 private:
  const Level least_;
  const std::function<void(std::string_view)> told_;
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace syncline::test
