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
#include "tools/history/living_process.h"
#include "tools/history/run_record.h"

namespace syncline::cli {

// What a process does for a pipeline: it captures a source, or applies to a target. Plain value
// type.
struct Work {
  enum class Part { kCapture, kApply };  // of a source by its name, of a pipeline
  enum class End {
    kNone,     // it goes on, or its process has ended without saying so
    kDone,     // `--once`: all of it
    kStopped,  // by a signal
    kFailed,   // by an error; the process may go on with others
  };

  bool is_alive = false;  // its process lives, and it has no end
  bool once = false;
  WallTime since;
  End end = End::kNone;
};

// Trouble of a pipeline that is not over. Plain value type.
struct Incident {
  static constexpr char kRefused[] = "refused";     // rows are in the target's quarantine
  static constexpr char kSetAside[] = "set-aside";  // rows stay at the source

  std::string pipeline;
  std::string kind;  // of the run, or one of those
  WallTime since;
  std::string error;
  std::string hint;
  bool told = false;  // to hooks; until then it may go away by itself

  // Not the pipeline is in trouble, but some of its rows.
  bool is_of_rows() const { return kind == kRefused || kind == kSetAside; }
};

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
class StateStore {
 public:
  static constexpr uint64_t kRunsMax = 1'000;  // of each pipeline and kind; the oldest go

  // Makes the file and its folder where they are missing.
  StateStore(const std::filesystem::path& folder, Clock& clock, const sql::WaitLimits& limits = {});
  // Null where there is no file yet.
  static std::unique_ptr<StateStore> OpenIfThere(const std::filesystem::path& folder, Clock& clock);
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  // Notes a run of this process, as it is; returns its id.
  int64_t Begin(const RunRecord& run);
  // Its state, end, counts and error as they are now, by the id.
  void Update(const RunRecord& run);

  // The newest first; of all pipelines if none is named.
  std::vector<RunRecord> List(const std::vector<std::string>& pipelines, uint64_t limit);

  // Whether there may be something new since the last call, in Paused above all.
  bool Changed();
  std::set<std::string> Paused();
  // False: it was so already.
  bool Pause(const std::string& pipeline);
  bool Resume(const std::string& pipeline);

  // When a kind of run was last due, as far as it was seen to.
  std::optional<WallTime> LastFiring(const std::string& pipeline, const std::string& kind);
  void NoteFiring(const std::string& pipeline, const std::string& kind, WallTime at);

  // Trouble begins, or is another one by now. True when it was not to be told until now, and is:
  // once for all processes. `since` is set here.
  bool OpenIncident(const Incident& incident);
  // It has another error and hint now, if it is open.
  void RestateIncident(const Incident& incident);
  // It ends; whether it had been told.
  bool CloseIncident(const std::string& pipeline, const std::string& kind);
  std::vector<Incident> IncidentsOf(const std::string& pipeline);

  // Of this process.
  void BeginWork(Work::Part part, const std::string& name, bool once);
  void EndWork(Work::Part part, const std::string& name, Work::End end);
  // Of whichever process is at it, else the last one that was; nothing: none ever.
  std::optional<Work> WorkOf(Work::Part part, const std::string& name);
  // Another living process is at it.
  bool IsAtWorkElsewhere(Work::Part part, const std::string& name);

 private:
  void MakeTables();
  void Restate(const Incident& incident);  // with the mutex
  int64_t OwnProcess();
  void CloseThoseOfTheDead();

  Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<sql::Session> session_;  // guarded by mutex_
  LivingProcess process_;                  // guarded by mutex_
  std::string seen_;                       // guarded by mutex_; the file's version at Changed
};

}  // namespace syncline::cli
