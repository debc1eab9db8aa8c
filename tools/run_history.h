#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/sql/session.h"
#include "tools/living_process.h"
#include "tools/run.h"

namespace syncline::cli {

// What the pipelines of a configuration have done, in the file `runs.db` beside their logs: their
// last runs, which of them are paused, when they were last due, and which trouble was told. SQLite,
// because several processes write to it at once, which a log's store does not allow. Nothing here
// is needed for a sync to be right: a file that is lost or damaged can be removed.
//
// A write is a short transaction that is not waited for on the disk: a crash of the machine may
// take the last ones back. A run whose process has ended without saying so is Failed, whoever
// looks.
//
// Thread-safe. Throws as Session does.
class RunHistory {
 public:
  static constexpr uint64_t kRunsMax = 1'000;  // of each pipeline and kind; the oldest go

  // Makes the file and its folder where they are missing.
  RunHistory(const std::filesystem::path& logs, Clock& clock);
  // Null where there is no file yet.
  static std::unique_ptr<RunHistory> OpenIfThere(const std::filesystem::path& logs, Clock& clock);
  RunHistory(const RunHistory&) = delete;
  RunHistory& operator=(const RunHistory&) = delete;

  // Notes a run of this process, as it is; returns its id.
  int64_t Begin(const Run& run);
  // Its state, end, counts and error as they are now, by the id.
  void Update(const Run& run);

  // The newest first; of all pipelines if none is named.
  std::vector<Run> List(const std::vector<std::string>& pipelines, uint64_t limit);

  // Whether there may be something new since the last call, in Paused above all.
  bool Changed();
  std::set<std::string> Paused();
  // False: it was so already.
  bool Pause(const std::string& pipeline);
  bool Resume(const std::string& pipeline);

  // When a kind of run was last due, as far as it was seen to.
  std::optional<WallTime> LastFiring(const std::string& pipeline, const std::string& kind);
  void NoteFiring(const std::string& pipeline, const std::string& kind, WallTime at);

  // Trouble begins and ends; false: it had already, for any process.
  bool OpenIncident(const std::string& pipeline, const std::string& kind, const std::string& error);
  bool CloseIncident(const std::string& pipeline, const std::string& kind);

 private:
  void MakeTables();
  void CloseThoseOfTheDead();

  Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<sql::Session> session_;  // guarded by mutex_
  LivingProcess process_;                  // guarded by mutex_
  std::string seen_;                       // guarded by mutex_; the file's version at Changed
};

}  // namespace syncline::cli
