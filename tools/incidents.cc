#include "tools/incidents.h"

#include <vector>

namespace syncline::cli {

void Incidents::Failed(const std::string& pipeline, const std::string& kind, const Error& error) {
  if (!book_.OpenIncident(pipeline, kind, error.message())) return;
  hooks_.Tell({.pipeline = pipeline,
               .kind = kind,
               .state = "failed",
               .error = error.message(),
               .hint = error.hint(),
               .at = clock_.Now()});
}

void Incidents::Over(const std::string& pipeline, const std::string& kind) {
  if (!book_.CloseIncident(pipeline, kind)) return;
  hooks_.Tell({.pipeline = pipeline, .kind = kind, .state = "recovered", .at = clock_.Now()});
}

void Incidents::Trying(const std::string& pipeline, const std::string& kind, const Error* error) {
  {
    const std::lock_guard lock(mutex_);
    const Key key(pipeline, kind);
    if (error != nullptr) {
      const auto known = trying_.find(key);
      if (known == trying_.end()) {
        trying_.emplace(key, Trouble{clock_.Monotonic(), *error});
      } else {
        known->second.error = *error;
      }
      return;
    }
    trying_.erase(key);
  }
  Over(pipeline, kind);
}

void Incidents::Look() {
  std::vector<std::pair<Key, Error>> to_tell;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, trouble] : trying_) {
      if (trouble.told || clock_.Monotonic() - trouble.since < kPatience) continue;
      trouble.told = true;
      to_tell.emplace_back(key, trouble.error);
    }
  }
  for (const auto& [key, error] : to_tell) Failed(key.first, key.second, error);
}

void Incidents::Stopped(const std::string& pipeline, const std::string& kind, const Error& error) {
  Trying(pipeline, kind, &error);
  Failed(pipeline, kind, error);
}

std::optional<std::string> Incidents::TroubleOf(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  const auto known = trying_.lower_bound({pipeline, ""});
  if (known == trying_.end() || known->first.first != pipeline) return {};
  return known->second.error.message();
}

}  // namespace syncline::cli
