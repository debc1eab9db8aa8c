#include "tools/history/best_effort_state_store.h"

#include <utility>

#include "engine/base/logger.h"

namespace syncline::cli {

BestEffortStateStore::BestEffortStateStore(const std::filesystem::path& folder, Clock& clock,
                                           std::shared_ptr<Logger> logger,
                                           const sql::WaitLimits& limits)
    : clock_(clock), logger_(std::move(logger)) {
  try {
    history_ = std::make_unique<StateStore>(folder, clock_, limits);
  } catch (const Error& error) {
    logger_->Warn("runs are not noted error=\"{}\" hint=\"{}\"", error.message(), error.hint());
  }
}

bool BestEffortStateStore::Try(const std::function<void(StateStore&)>& body) {
  if (history_ == nullptr) return false;
  try {
    body(*history_);
    return true;
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(told_, true)) {
      logger_->Warn("a run could not be noted, nor maybe later ones error=\"{}\"", error.what());
    }
    return false;
  }
}

void BestEffortStateStore::Begin(RunRecord& run) {
  if (run.started == WallTime()) run.started = clock_.Now();
  Try([&](StateStore& history) { run.id = history.Begin(run); });
}

void BestEffortStateStore::Update(const RunRecord& run) {
  if (run.id == 0) return;
  Try([&](StateStore& history) { history.Update(run); });
}

void BestEffortStateStore::End(RunRecord& run, RunState state, const std::string& error) {
  run.state = state;
  run.error = error;
  run.ended = clock_.Now();
  Update(run);
}

std::optional<std::set<std::string>> BestEffortStateStore::PausedIfChanged() {
  std::optional<std::set<std::string>> paused;
  Try([&](StateStore& history) {
    if (history.Changed()) paused = history.Paused();
  });
  return paused;
}

std::optional<WallTime> BestEffortStateStore::LastFiring(const std::string& pipeline,
                                                         const std::string& kind) {
  std::optional<WallTime> last;
  Try([&](StateStore& history) { last = history.LastFiring(pipeline, kind); });
  return last;
}

void BestEffortStateStore::NoteFiring(const std::string& pipeline, const std::string& kind,
                                      WallTime at) {
  Try([&](StateStore& history) { history.NoteFiring(pipeline, kind, at); });
}

bool BestEffortStateStore::OpenIncident(const Incident& incident) {
  bool opened = false;
  if (Try([&](StateStore& history) { opened = history.OpenIncident(incident); })) return opened;
  const std::lock_guard lock(mutex_);
  return incident.told && incidents_.insert(incident.kind + " " + incident.pipeline).second;
}

void BestEffortStateStore::RestateIncident(const Incident& incident) {
  Try([&](StateStore& history) { history.RestateIncident(incident); });
}

bool BestEffortStateStore::CloseIncident(const std::string& pipeline, const std::string& kind) {
  bool closed = false;
  if (Try([&](StateStore& history) { closed = history.CloseIncident(pipeline, kind); })) {
    return closed;
  }
  const std::lock_guard lock(mutex_);
  return incidents_.erase(kind + " " + pipeline) > 0;
}

void BestEffortStateStore::BeginWork(Work::Part part, const std::string& name, bool once) {
  Try([&](StateStore& history) { history.BeginWork(part, name, once); });
}

void BestEffortStateStore::EndWork(Work::Part part, const std::string& name, Work::End end) {
  Try([&](StateStore& history) { history.EndWork(part, name, end); });
}

bool BestEffortStateStore::IsAtWorkElsewhere(Work::Part part, const std::string& name) {
  bool is_at_work = false;
  Try([&](StateStore& history) { is_at_work = history.IsAtWorkElsewhere(part, name); });
  return is_at_work;
}

}  // namespace syncline::cli
