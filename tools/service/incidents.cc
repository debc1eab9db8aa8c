#include "tools/service/incidents.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tools/support/terminal.h"

namespace syncline::cli {
namespace {

Incident Refusal(const std::string& pipeline, uint64_t changes) {
  return {.pipeline = pipeline,
          .kind = Incident::kRefused,
          .error = fmt::format("the target refuses {} changes", FormatCount(changes)),
          .hint = fmt::format("`syncline quarantine list {0}` shows them, and why; mend the target "
                              "or the source, then `syncline quarantine retry {0}`",
                              pipeline),
          .told = true};
}

Incident Remainder(const std::string& pipeline, uint64_t rows) {
  return {.pipeline = pipeline,
          .kind = Incident::kSetAside,
          .error = fmt::format("{} {} at the source, not captured", FormatCount(rows),
                               rows == 1 ? "row stays" : "rows stay"),
          .hint = fmt::format("`syncline status {}` names them, and why; mend them there, raise "
                              "max_row, or leave the column out with omit:",
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
    started_again_.erase(key);
    if (error == nullptr) {
      trying_.erase(key);
    } else {
      const auto [trouble, is_new] = trying_.try_emplace(key, Trouble{clock_.Monotonic(), *error});
      trouble->second.error = *error;
      // Silence was borne for long enough before it became an error.
      if (error->condition() != Condition::kSilent) return;
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
  std::vector<std::string> overcome;
  {
    const std::lock_guard lock(mutex_);
    Trouble& trouble = trying_.at({pipeline, kind});
    trouble.noted = trouble.told = trouble.stopped = true;
    for (const Key& key : started_again_) {
      if (key.first == pipeline) overcome.push_back(key.second);
    }
    for (const std::string& other : overcome) started_again_.erase({pipeline, other});
  }
  Failed(pipeline, kind, error);
  for (const std::string& other : overcome) Over(pipeline, other);
}

void Incidents::StartedAgain(const std::string& pipeline, const std::string& kind) {
  const std::lock_guard lock(mutex_);
  trying_.erase({pipeline, kind});
  started_again_.insert({pipeline, kind});
}

void Incidents::Refusing(const std::string& pipeline, uint64_t changes) {
  Count(Refusal(pipeline, changes), changes);
}

void Incidents::StillRefusing(const std::string& pipeline, uint64_t changes) {
  Recount(Refusal(pipeline, changes), changes);
}

void Incidents::LeavingOut(const std::string& pipeline, uint64_t rows) {
  Count(Remainder(pipeline, rows), rows);
}

void Incidents::Count(const Incident& incident, uint64_t rows) {
  bool are_more = rows > 0;
  {
    const std::lock_guard lock(mutex_);
    const auto [known, is_first] = rows_told_.emplace(Key(incident.pipeline, incident.kind), rows);
    if (!is_first && known->second == rows) return;
    if (!is_first) are_more = rows > known->second;
    known->second = rows;
  }
  // Fewer, but not none: whoever looked after them may have taken out the others since.
  if (!are_more) return Recount(incident, rows);
  if (!book_.OpenIncident(incident)) return;
  hooks_.Tell({.pipeline = incident.pipeline,
               .kind = incident.kind,
               .state = "refusing",
               .error = incident.error,
               .hint = incident.hint,
               .at = clock_.Now()});
}

void Incidents::Recount(const Incident& incident, uint64_t rows) {
  if (rows == 0) return Over(incident.pipeline, incident.kind);
  book_.RestateIncident(incident);
}

std::optional<std::string> Incidents::TroubleOf(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  const auto known = trying_.lower_bound({pipeline, ""});
  if (known == trying_.end() || known->first.first != pipeline) return {};
  return known->second.error.message();
}

bool Incidents::IsInTrouble(const std::string& pipeline, const std::string& kind) {
  const std::lock_guard lock(mutex_);
  return trying_.contains({pipeline, kind});
}

bool Incidents::HasFailed(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(
      trying_, [&](const auto& one) { return one.first.first == pipeline && one.second.told; });
}

}  // namespace syncline::cli
