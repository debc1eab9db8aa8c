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

Error GivenUpError(const Error& error, int retries) {
  const std::string message =
      error.message() + " (given up after " + std::to_string(retries) + " retries)";
  return Error(Reaction::kStop, error.cause(), message, error.hint(), error.code());
}

}  // namespace syncline
