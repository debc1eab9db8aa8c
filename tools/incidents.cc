#include "tools/incidents.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tools/terminal.h"

namespace syncline::cli {
namespace {

Incident Refusal(const std::string& pipeline, uint64_t changes) {
  return {.pipeline = pipeline,
          .kind = Incidents::kRefused,
          .error = fmt::format("the target refuses {} changes", FormatCount(changes)),
          .hint = fmt::format("`syncline quarantine list {0}` shows them, and why; mend the target "
                              "or the source, then `syncline quarantine retry {0}`",
                              pipeline),
          .told = true};
}

}  // namespace

void Incidents::Failed(const std::string& pipeline, const std::string& kind, const Error& error) {
  if (!book_.OpenIncident({.pipeline = pipeline,
                           .kind = kind,
                           .error = error.message(),
                           .hint = error.hint(),
                           .told = true})) {
    return;
  }
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
    if (error == nullptr) {
      trying_.erase(key);
    } else {
      const auto [trouble, is_new] = trying_.try_emplace(key, Trouble{clock_.Monotonic(), *error});
      trouble->second.error = *error;
      // Silence was borne for long enough before it became an error.
      if (error->code() != kSilentCode) return;
      trouble->second.noted = trouble->second.told = true;
    }
  }
  if (error != nullptr) return Failed(pipeline, kind, *error);
  Over(pipeline, kind);
}

void Incidents::Look() {
  std::vector<std::pair<Key, Error>> to_note, to_tell;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, trouble] : trying_) {
      const Microseconds lasts = clock_.Monotonic() - trouble.since;
      if (!trouble.told && lasts >= kPatience) {
        trouble.told = trouble.noted = true;
        to_tell.emplace_back(key, trouble.error);
      } else if (!trouble.noted && lasts >= kSettle) {
        trouble.noted = true;
        to_note.emplace_back(key, trouble.error);
      }
    }
  }
  for (const auto& [key, error] : to_note) {
    book_.OpenIncident({.pipeline = key.first,
                        .kind = key.second,
                        .error = error.message(),
                        .hint = error.hint()});
  }
  for (const auto& [key, error] : to_tell) Failed(key.first, key.second, error);
}

void Incidents::Stopped(const std::string& pipeline, const std::string& kind, const Error& error) {
  Trying(pipeline, kind, &error);
  {
    const std::lock_guard lock(mutex_);
    Trouble& trouble = trying_.at({pipeline, kind});
    trouble.noted = trouble.told = trouble.stopped = true;
  }
  Failed(pipeline, kind, error);
}

void Incidents::StartedAgain(const std::string& pipeline, const std::string& kind) {
  const std::lock_guard lock(mutex_);
  trying_.erase({pipeline, kind});
}

void Incidents::Refusing(const std::string& pipeline, uint64_t changes) {
  bool are_more = changes > 0;
  {
    const std::lock_guard lock(mutex_);
    const auto [known, is_first] = refused_.emplace(pipeline, changes);
    if (!is_first && known->second == changes) return;
    if (!is_first) are_more = changes > known->second;
    known->second = changes;
  }
  // Fewer, but not none: whoever looked after them may have taken out the others since.
  if (!are_more) return StillRefusing(pipeline, changes);
  const Incident incident = Refusal(pipeline, changes);
  if (!book_.OpenIncident(incident)) return;
  hooks_.Tell({.pipeline = pipeline,
               .kind = kRefused,
               .state = "refusing",
               .error = incident.error,
               .hint = incident.hint,
               .at = clock_.Now()});
}

void Incidents::StillRefusing(const std::string& pipeline, uint64_t changes) {
  if (changes == 0) return Over(pipeline, kRefused);
  book_.RestateIncident(Refusal(pipeline, changes));
}

std::optional<std::string> Incidents::TroubleOf(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  const auto known = trying_.lower_bound({pipeline, ""});
  if (known == trying_.end() || known->first.first != pipeline) return {};
  return known->second.error.message();
}

bool Incidents::HasFailed(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(
      trying_, [&](const auto& one) { return one.first.first == pipeline && one.second.told; });
}

}  // namespace syncline::cli
