#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "tools/config/plan.h"
#include "tools/history/best_effort_state_store.h"
#include "tools/service/incidents.h"
#include "tools/service/stage_watch.h"

namespace syncline::cli {

// Notes what pipelines do that run again and again. Looks at the stages' counts once a second, so
// that they pay nothing: a run begins when something moves, and ends when nothing has moved for two
// seconds, or after a minute of it; polls that found nothing are counted in the next run. One that
// fails, or has been in trouble for a minute, is Failed with its error; so is one of a pipeline
// that stops by an error before anything has moved. Trouble of earlier processes is over when the
// same work is done again.
//
// Run and Look belong to one thread, Finish comes after that thread's end. Borrows everything.
class RunSampler {
 public:
  static constexpr Microseconds kLookEvery = std::chrono::seconds(1);
  static constexpr Microseconds kQuiet = std::chrono::seconds(2);
  static constexpr Microseconds kLongest = std::chrono::seconds(60);

  // One for each pipeline that runs again and again: its name, source, and its runs' kind.
  struct Subject {
    std::string pipeline;
    std::string source;
    std::string kind;
    std::string place = source;          // the database by whose capture it runs
    std::vector<TableName> tables = {};  // of the source
  };

  RunSampler(std::vector<Subject> subjects, StageWatch& watch, BestEffortStateStore& book,
             Incidents& incidents);
  RunSampler(const RunSampler&) = delete;
  RunSampler& operator=(const RunSampler&) = delete;

  void Run(std::stop_token stop);
  void Look();
  // The stages have ended. `state` is that of the runs at hand, but Failed where there is trouble,
  // and Cancelled where tables were not loaded yet; with `note_empty` also what has found nothing
  // to do is a run.
  void Finish(RunState state, bool note_empty);

 private:
  struct Watched {
    Subject subject;
    RunCounts noted;                  // in runs that have ended
    RunCounts seen;                   // at the last look
    WallTime looked;                  // when that was
    RunRecord run;                    // open, or its id is 0 and its state Idle
    Microseconds began{0}, moved{0};  // the run at hand, by Clock::Monotonic
    bool has_run = false;
    std::optional<std::string> noted_failure;  // as a run: what has failed, or is told so
    // What was seen when there was trouble with it; and whether it has been done again since.
    uint64_t polls = 0, batches = 0, idles = 0;
    bool captures = false, applies = false;
  };

  static RunCounts CountsOf(const Subject& subject, const Activity& activity);
  void LookAt(Watched& watched, const Activity& activity);
  void NoteFailure(Watched& watched, const std::string& trouble);
  void NoteRecovery(Watched& watched, const Activity& activity);
  void CountRows(const Subject& subject, const Activity& activity);
  void BeginRun(Watched& watched);
  void EndRun(Watched& watched, RunState state, const std::string& error);

  StageWatch& watch_;
  BestEffortStateStore& book_;
  Incidents& incidents_;
  std::vector<Watched> watched_;
};

}  // namespace syncline::cli
