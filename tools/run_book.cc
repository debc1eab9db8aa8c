#include "tools/run_book.h"

#include <utility>

#include "engine/base/log_text.h"

namespace syncline::cli {

RunBook::RunBook(const std::filesystem::path& logs, Clock& clock,
                 std::shared_ptr<spdlog::logger> logger, const sql::WaitLimits& limits)
    : clock_(clock), logger_(std::move(logger)) {
  try {
    history_ = std::make_unique<RunHistory>(logs, clock_, limits);
  } catch (const Error& error) {
    logger_->warn(
        LogText("runs are not noted error=\"{}\" hint=\"{}\"", error.message(), error.hint()));
  }
}

bool RunBook::Try(const std::function<void(RunHistory&)>& body) {
  if (history_ == nullptr) return false;
  try {
    body(*history_);
    return true;
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(told_, true)) {
      logger_->warn(
          LogText("a run could not be noted, nor maybe later ones error=\"{}\"", error.what()));
    }
    return false;
  }
}

void RunBook::Begin(Run& run) {
  if (run.started == WallTime()) run.started = clock_.Now();
  Try([&](RunHistory& history) { run.id = history.Begin(run); });
}

void RunBook::Update(const Run& run) {
  if (run.id == 0) return;
  Try([&](RunHistory& history) { history.Update(run); });
}

void RunBook::End(Run& run, RunState state, const std::string& error) {
  run.state = state;
  run.error = error;
  run.ended = clock_.Now();
  Update(run);
}

std::optional<std::set<std::string>> RunBook::PausedIfChanged() {
  std::optional<std::set<std::string>> paused;
  Try([&](RunHistory& history) {
    if (history.Changed()) paused = history.Paused();
  });
  return paused;
}

std::optional<WallTime> RunBook::LastFiring(const std::string& pipeline, const std::string& kind) {
  std::optional<WallTime> last;
  Try([&](RunHistory& history) { last = history.LastFiring(pipeline, kind); });
  return last;
}

void RunBook::NoteFiring(const std::string& pipeline, const std::string& kind, WallTime at) {
  Try([&](RunHistory& history) { history.NoteFiring(pipeline, kind, at); });
}

bool RunBook::OpenIncident(const Incident& incident) {
  bool opened = false;
  if (Try([&](RunHistory& history) { opened = history.OpenIncident(incident); })) return opened;
  const std::lock_guard lock(mutex_);
  return incident.told && incidents_.insert(incident.kind + " " + incident.pipeline).second;
}

void RunBook::RestateIncident(const Incident& incident) {
  Try([&](RunHistory& history) { history.RestateIncident(incident); });
}

bool RunBook::CloseIncident(const std::string& pipeline, const std::string& kind) {
  bool closed = false;
  if (Try([&](RunHistory& history) { closed = history.CloseIncident(pipeline, kind); })) {
    return closed;
  }
  const std::lock_guard lock(mutex_);
  return incidents_.erase(kind + " " + pipeline) > 0;
}

void RunBook::BeginWork(Work::Part part, const std::string& name, bool once) {
  Try([&](RunHistory& history) { history.BeginWork(part, name, once); });
}

void RunBook::EndWork(Work::Part part, const std::string& name, Work::End end) {
  Try([&](RunHistory& history) { history.EndWork(part, name, end); });
}

bool RunBook::IsAtWorkElsewhere(Work::Part part, const std::string& name) {
  bool is_at_work = false;
  Try([&](RunHistory& history) { is_at_work = history.IsAtWorkElsewhere(part, name); });
  return is_at_work;
}

}  // namespace syncline::cli
