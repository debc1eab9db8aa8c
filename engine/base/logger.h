#pragma once

#include <string_view>
#include <type_traits>

#include "engine/base/log_text.h"

namespace syncline {

// Takes the lines of the program's own log. Each is a fixed phrase and then `key=value` pairs, made
// as LogText makes them: a caller gives the text with "{}" and what fills it in, and nothing that a
// name, a server or a file says can take a line apart. Called from any thread.
class Logger {
 public:
  enum class Level { kTrace, kDebug, kInfo, kWarn, kError };

  virtual ~Logger() = default;

  template <typename... Args>
  void Debug(std::type_identity_t<LogFormat<sizeof...(Args)>> format, const Args&... args) {
    Log<Args...>(Level::kDebug, format, args...);
  }
  template <typename... Args>
  void Info(std::type_identity_t<LogFormat<sizeof...(Args)>> format, const Args&... args) {
    Log<Args...>(Level::kInfo, format, args...);
  }
  template <typename... Args>
  void Warn(std::type_identity_t<LogFormat<sizeof...(Args)>> format, const Args&... args) {
    Log<Args...>(Level::kWarn, format, args...);
  }
  template <typename... Args>
  void Error(std::type_identity_t<LogFormat<sizeof...(Args)>> format, const Args&... args) {
    Log<Args...>(Level::kError, format, args...);
  }

 protected:
  // Whether lines of that level go anywhere; otherwise they are not even put together.
  virtual bool Takes(Level level) const = 0;
  virtual void Write(Level level, std::string_view line) = 0;

 private:
  template <typename... Args>
  void Log(Level level, LogFormat<sizeof...(Args)> format, const Args&... args) {
    if (Takes(level)) Write(level, LogText<Args...>(format, args...));
  }
};

// Takes nothing.
class NullLogger : public Logger {
 protected:
  bool Takes(Level) const override { return false; }
  void Write(Level, std::string_view) override {}
};

}  // namespace syncline
