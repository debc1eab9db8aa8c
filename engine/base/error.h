#pragma once

#include <cstdint>
#include <exception>
#include <optional>
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

// What went wrong, in words that no database owns; for callers that act on one kind of error.
enum class Condition {
  kOther,            // nothing that a caller acts on
  kNoSuchFile,       // a database's file is not there; a session that may make it would
  kNoSuchDatabase,   // the server has no such database, or the file cannot be opened
  kNotADatabase,     // the file is something else
  kNoSuchTable,      // a table that is to be captured is not there, or cannot be seen
  kNoSuchRelation,   // a statement names a table or a schema that is not there
  kNoSuchObject,     // a statement names a type, a function or an operator that is not there
  kNoMatchingKey,    // no unique key over the columns that a statement relies on
  kNoPrivilege,      // the role may not do it
  kWrongState,       // what the statement names is not of a kind or in a state that allows it
  kDeadlock,         // sessions waited for each other's locks, and this one was chosen to fail
  kLockTimeout,      // a lock was waited for long enough
  kUniqueViolation,  // another row has the value of a unique key
  kMadeByOthers,     // another session changed the same object of the schema at that moment
  kSilent,           // the other side did not answer for too long
  kStopped,          // a stop has cut the work short
};

// Which row of a call a database refused, and why: its neighbours may well be accepted. Plain value
// type.
struct Refusal {
  enum class Kind {
    kValue,       // cannot be what the column holds: type, range, length, not UTF-8
    kNotNull,     // NULL where there must be a value
    kRule,        // CHECK, exclusion, a trigger that raises
    kUnique,      // another row has the value of a unique key
    kForeignKey,  // refers to a row that is not there, or is referred to
  };

  Kind kind = Kind::kValue;
  std::string reason;  // in words, with the names of constraint and column, never a value
  // Where the database names them.
  std::string table = {};  // that has the constraint
  std::string column = {};
  std::string constraint = {};
  std::optional<uint64_t> row = {};  // index in the call
};

// The only exception type that Syncline throws. The message says what happened to what; the hint
// says what to do next; the code is the database's own error code (SQLSTATE, SQLite result) where
// there is one. Neither message nor hint ever holds a password or a row's values.
class Error : public std::exception {
 public:
  Error(Reaction reaction, Cause cause, std::string message, std::string hint = {},
        std::string code = {}, Condition condition = Condition::kOther)
      : reaction_(reaction),
        cause_(cause),
        condition_(condition),
        message_(std::move(message)),
        hint_(std::move(hint)),
        code_(std::move(code)) {}

  Reaction reaction() const { return reaction_; }
  Cause cause() const { return cause_; }
  // Whether the same work may succeed later without anybody's doing.
  bool may_go_away() const {
    return reaction_ == Reaction::kRetry || reaction_ == Reaction::kRestart;
  }
  Condition condition() const { return condition_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::string& code() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // Set when what was asked for is right, but the database refuses a row of it.
  const std::optional<Refusal>& refusal() const { return refusal_; }

  // 1 runtime, 2 usage or configuration, 3 environment, 4 damage.
  int exit_code() const;

  // Puts "context: " before the message; keeps everything else.
  void AddContext(std::string_view context);

  // The same error with another reaction, message or hint; it keeps everything else.
  Error WithReaction(Reaction reaction) const;
  Error WithMessage(std::string message) const;
  Error WithHint(std::string hint) const;

  void SetRefusal(Refusal refusal) { refusal_ = std::move(refusal); }
  // The row of the call that failed; kept where a refusal is set, and in the message.
  void AddRow(uint64_t row);

 private:
  Reaction reaction_;
  Cause cause_;
  Condition condition_;
  std::string message_;
  std::string hint_;
  std::string code_;
  std::optional<Refusal> refusal_;
};

Error UsageError(std::string message, std::string hint = {});
Error EnvironmentError(std::string message, std::string hint = {});
Error StopError(std::string message, std::string hint = {});
Error RetryError(std::string message, std::string hint = {});
Error RestartError(std::string message, std::string hint = {});
Error DamageError(std::string message, std::string hint = {});
// kRetry, environment, with the codes SILENT and STOPPED, which no database has given.
Error SilentError(std::string message, std::string hint);
Error StoppedError(std::string message, std::string hint);

// The error that ended the last of so many retries: a person has to look at it now.
Error GivenUpError(const Error& error, int retries);

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
