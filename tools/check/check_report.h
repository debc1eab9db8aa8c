#pragma once

#include <string>
#include <vector>

#include "capture/check/check_source.h"
#include "engine/base/error.h"
#include "tools/support/terminal.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// What `syncline check` has found, in the order in which it looked. Threads: one.
class CheckReport {
 public:
  using Level = capture::CheckResult::Level;

  void Pass(std::string subject, std::string message);
  void Warn(std::string subject, std::string message, std::string hint);
  void Fail(std::string subject, std::string message, std::string hint, Cause cause);
  void Fail(std::string subject, const Error& error);
  void Add(std::vector<capture::CheckResult> findings);

  // Runs `body`; an Error that leaves it becomes a failure of `subject`. True if there was none.
  template <typename Body>
  bool Guard(const std::string& subject, Body&& body) {
    try {
      body();
      return true;
    } catch (const Error& error) {
      Fail(subject, error);
      return false;
    }
  }

  void Print(Terminal& terminal) const;
  Json ToJson() const;  // {"checks": [{"result", "subject", "message", "hint"}], "passed",
                        // "warned", "failed"}
  // 0 without failures; 2 if one of them is for the configuration, else 3 for the environment.
  int exit_code() const;

 private:
  size_t Count(Level level) const;

  std::vector<capture::CheckResult> findings_;
};

}  // namespace syncline::cli
