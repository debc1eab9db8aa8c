#include "engine/base/error.h"

namespace syncline {

int Error::exit_code() const {
  if (reaction_ == Reaction::kDamage) return 4;
  switch (cause_) {
    case Cause::kRuntime:
      return 1;
    case Cause::kUsage:
      return 2;
    case Cause::kEnvironment:
      return 3;
  }
  return 1;
}

void Error::AddContext(std::string_view context) {
  message_.insert(0, std::string(context) + ": ");
}

void Error::AddRow(uint64_t row) {
  AddContext("row " + std::to_string(row));
  if (refusal_) refusal_->row = row;
}

Error Error::WithReaction(Reaction reaction) const {
  Error changed = *this;
  changed.reaction_ = reaction;
  return changed;
}

Error Error::WithMessage(std::string message) const {
  Error changed = *this;
  changed.message_ = std::move(message);
  return changed;
}

Error Error::WithHint(std::string hint) const {
  Error changed = *this;
  changed.hint_ = std::move(hint);
  return changed;
}

Error UsageError(std::string message, std::string hint) {
  return {Reaction::kStop, Cause::kUsage, std::move(message), std::move(hint)};
}
Error EnvironmentError(std::string message, std::string hint) {
  return {Reaction::kStop, Cause::kEnvironment, std::move(message), std::move(hint)};
}
Error StopError(std::string message, std::string hint) {
  return {Reaction::kStop, Cause::kRuntime, std::move(message), std::move(hint)};
}
Error RetryError(std::string message, std::string hint) {
  return {Reaction::kRetry, Cause::kEnvironment, std::move(message), std::move(hint)};
}
Error RestartError(std::string message, std::string hint) {
  return {Reaction::kRestart, Cause::kRuntime, std::move(message), std::move(hint)};
}
Error DamageError(std::string message, std::string hint) {
  return {Reaction::kDamage, Cause::kRuntime, std::move(message), std::move(hint)};
}

Error SilentError(std::string message, std::string hint) {
  return {Reaction::kRetry, Cause::kEnvironment, std::move(message), std::move(hint),
          "SILENT",         Condition::kSilent};
}
Error StoppedError(std::string message, std::string hint) {
  return {Reaction::kRetry, Cause::kEnvironment, std::move(message),
          std::move(hint),  "STOPPED",           Condition::kStopped};
}

Error GivenUpError(const Error& error, int retries) {
  return error.WithReaction(Reaction::kStop)
      .WithMessage(error.message() + " (given up after " + std::to_string(retries) + " retries)");
}

}  // namespace syncline
