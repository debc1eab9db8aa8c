#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace syncline {

// What the part that catches an error should do about it.
enum class Reaction {
  kRetry,    // the same thing may work later: wait (Backoff), then try again
  kRestart,  // what we knew is no longer true: reopen, read the resume point, go on from there
  kStop,     // a person has to change something first
  kDamage,   // stored data is not what was written: stop, never skip
};

// Where a person has to look; together with the reaction it decides the exit code of the program.
enum class Cause {
  kRuntime,      // exit code 1
  kUsage,        // the command line or the configuration: exit code 2
  kEnvironment,  // a server, a disk, a permission: exit code 3
};

// The only exception type that Syncline throws. The message says what happened to what; the hint
// says what to do next; the code is the database's own error code (SQLSTATE, SQLite result) where
// there is one. Neither message nor hint ever holds a password or a row's values.
class Error : public std::exception {
 public:
  Error(Reaction reaction, Cause cause, std::string message, std::string hint = {},
        std::string code = {})
      : reaction_(reaction),
        cause_(cause),
        message_(std::move(message)),
        hint_(std::move(hint)),
        code_(std::move(code)) {}

  Reaction reaction() const { return reaction_; }
  Cause cause() const { return cause_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::string& code() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // 1 runtime, 2 usage or configuration, 3 environment, 4 damage.
  int exit_code() const;

  // Puts "context: " before the message; keeps everything else.
  void AddContext(std::string_view context);

 private:
  Reaction reaction_;
  Cause cause_;
  std::string message_;
  std::string hint_;
  std::string code_;
};

Error UsageError(std::string message, std::string hint = {});
Error EnvironmentError(std::string message, std::string hint = {});
Error StopError(std::string message, std::string hint = {});
Error RetryError(std::string message, std::string hint = {});
Error RestartError(std::string message, std::string hint = {});
Error DamageError(std::string message, std::string hint = {});

// Runs `body`; an Error that leaves it gets `context` put before its message.
template <typename Body>
decltype(auto) InContext(std::string_view context, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    error.AddContext(context);
    throw;
  }
}

}  // namespace syncline
