#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "tools/history/run_record.h"
#include "tools/history/state_store.h"

namespace syncline::cli {

// The run history as the stages of a process use it: what cannot be written there is told once and
// holds nobody up. Without a file runs are not noted, nothing is paused, and incidents and firings
// are remembered for as long as the process lives. Thread-safe; never throws.
class BestEffortStateStore {
 public:
  // `folder`: the folder of the logs.
  BestEffortStateStore(const std::filesystem::path& folder, Clock& clock,
                       std::shared_ptr<Logger> logger, const sql::WaitLimits& limits = {});
  BestEffortStateStore(const BestEffortStateStore&) = delete;
  BestEffortStateStore& operator=(const BestEffortStateStore&) = delete;

  // Gives the run its id and its beginning, if it has none yet.
  void Begin(RunRecord& run);
  void Update(const RunRecord& run);
  // The same with an end, which is now.
  void End(RunRecord& run, RunState state, const std::string& error = {});

  // Those that are paused now, if that may have changed since the last call.
  std::optional<std::set<std::string>> PausedIfChanged();

  std::optional<WallTime> LastFiring(const std::string& pipeline, const std::string& kind);
  void NoteFiring(const std::string& pipeline, const std::string& kind, WallTime at);

  // As StateStore does.
  bool OpenIncident(const Incident& incident);
  void RestateIncident(const Incident& incident);
  bool CloseIncident(const std::string& pipeline, const std::string& kind);

  void BeginWork(Work::Part part, const std::string& name, bool once);
  void EndWork(Work::Part part, const std::string& name, Work::End end);
  bool IsAtWorkElsewhere(Work::Part part, const std::string& name);

  Clock& clock() { return clock_; }

 private:
  // False when there is no file, or it failed.
  bool Try(const std::function<void(StateStore&)>& body);

  Clock& clock_;
  const std::shared_ptr<Logger> logger_;
  std::unique_ptr<StateStore> history_;  // null: it could not be opened

  std::mutex mutex_;
  bool told_ = false;                // guarded by mutex_
  std::set<std::string> incidents_;  // guarded by mutex_; told by this process, without a file
};

}  // namespace syncline::cli
