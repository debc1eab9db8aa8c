#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "engine/base/backoff.h"
#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/base/timetable.h"
#include "tools/history/best_effort_state_store.h"
#include "tools/service/due_times.h"
#include "tools/service/incidents.h"
#include "tools/service/pause_watch.h"

namespace syncline::cli {

// `retry` for a run, which has to end some time: five retries where it does not say how many.
Backoff::Options WithAnEnd(Backoff::Options retry);

// Runs one pipeline by the clock: at each time of its timetable once, never two runs at once. Times
// that come while a run goes on, or came while the program was down, become one run; those that
// come while the pipeline is paused become one that is noted as Skipped. A run that fails for a
// reason that may go away is tried again as `retry` says (five times where it says nothing); a run
// that fails for good is told, and the next one comes in its time.
//
// Belongs to one thread; borrows everything.
class ScheduledPipeline {
 public:
  struct Job {
    std::string pipeline;
    std::string kind;  // Run::kind
    Timetable at;
    Backoff::Options retry = {};
  };
  struct Parts {
    BestEffortStateStore& book;
    PauseWatch& pauses;
    Incidents& incidents;
    Clock& clock;
    Logger& logger;
  };
  // One run: does its work and puts what it has done into `run`, which it may also have noted on
  // its way. Throws Error. Ends early when stopped.
  using Body = std::function<void(RunRecord& run, std::stop_token stop)>;

  ScheduledPipeline(Job job, Parts parts, Body body);
  ScheduledPipeline(const ScheduledPipeline&) = delete;
  ScheduledPipeline& operator=(const ScheduledPipeline&) = delete;

  // Until stopped; a run at hand ends where its body does. Never throws for what a run throws.
  void Run(std::stop_token stop);

  // What is due now, if anything; false if nothing was.
  bool RunWhatIsDue(std::stop_token stop);

 private:
  std::optional<Timetable::Due> TakeDue();
  void RunOnce(RunRecord run, std::stop_token stop);
  void Skip(const Timetable::Due& due);
  RunRecord NewRun(const Timetable::Due& due, RunState state) const;

  const Job job_;
  Parts parts_;
  const Body body_;
  std::optional<DueTimes> firings_;
};

}  // namespace syncline::cli
