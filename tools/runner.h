#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "capture/capture_orders.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/log/change_log.h"
#include "engine/log/log_reader.h"
#include "tools/hooks.h"
#include "tools/incidents.h"
#include "tools/node.h"
#include "tools/pause_watch.h"
#include "tools/plan.h"
#include "tools/run_book.h"
#include "tools/run_recorder.h"
#include "tools/stage_watch.h"
#include "tools/timed_runs.h"

namespace syncline::cli {

// Runs the stages of a plan, each on a thread of its own: the only place where logs, captures and
// applies meet.
//
// With capture and apply there is one log for each source, written by its capture and read in this
// process by its pipelines. With capture alone nobody reads it here; with apply alone the readers
// stand beside a writer in another process, and wait for logs that are not there yet.
//
// A pipeline of two directions runs where its target is captured (Node), and reads the other
// database's log as one that another process writes.
//
// A stage whose error says kRestart or kRetry is made anew after a while, log and readers included,
// once it has run at all; a first attempt that fails is final, because then a person is watching. A
// failed pipeline does not stop others, and one that runs by the clock has its next run in its
// time; a source all of whose pipelines have failed stops too. When a capture ends by failure, its
// pipelines first apply what the log holds.
//
// A pipeline with a timetable has runs instead: each polls its source once and applies all of it.
// A source without a pipeline that wants it polled again and again is polled for those runs only. A
// paused pipeline stops after its batch, and the polls of a source when all that read it are
// paused. What they do is in the run history.
class Runner {
 public:
  struct Options {
    bool capture = true;
    bool apply = true;
    // One poll of every source, then everything applied that is in the logs: afterwards the targets
    // hold the sources' state as of the poll.
    bool once = false;
  };

  // Borrows the clock.
  Runner(Plan plan, Options options, Clock& clock, std::shared_ptr<spdlog::logger> logger);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Returns when everything has ended: because of `stop`, or because it was done. Throws the first
  // failure, after everything else has ended too; the others were logged.
  void Run(std::stop_token stop);

  StageWatch& watch() { return watch_; }

 private:
  using Body = std::function<void()>;
  class Followers;

  // Runs a body; its failure becomes the unit's.
  void RunUnit(const std::string& name, const Body& body);
  // Runs a body again after errors that may go away, as often as `retry` allows, once the unit of
  // that name has started at all.
  // With `once` there is somebody who waits for it: the first error counts.
  void Persist(const std::string& name, const Backoff::Options& retry, bool once,
               std::stop_token stop, const Body& body);

  std::unique_ptr<ChangeLog> OpenLog(const SourcePlan& source);
  void RunSource(const SourcePlan& source, std::stop_token stop);
  // Retention of a source's log, on a thread of its own; what ends it badly ends the capture too.
  std::jthread KeepLog(const SourcePlan& source, ChangeLog& log, std::stop_source capturing);
  // Only with `once`.
  void FoldOnce(const SourcePlan& source, ChangeLog& log, const std::stop_token& stop);
  static TimedRuns::Job FoldJob(const SourcePlan& source) {
    return {source.database, "retain", *source.retain_at, {}};
  }
  void StartPolls(const SourcePlan& source, ChangeLog& log, capture::CaptureOrders& orders,
                  std::stop_token stop, std::vector<std::jthread>& threads);
  // `ending`: ApplyOptions::ending.
  void FollowFromHere(const PipelinePlan& pipeline, ChangeLog& log, bool once, std::stop_token stop,
                      std::stop_token ending);
  void FollowFromOutside(const PipelinePlan& pipeline, bool once, Node* node, std::stop_token stop);
  std::unique_ptr<LogReader> WaitForLog(const PipelinePlan& pipeline, bool once,
                                        std::stop_token stop);
  apply::ApplyOptions OptionsFor(const PipelinePlan& pipeline, const LogInfo& log, bool once,
                                 Node* node);
  void Apply(const PipelinePlan& pipeline, LogReader& reader, apply::ApplyOptions options,
             std::stop_token stop);
  // With `once`: `polled` has polled its database; until every node of this process has, or failed.
  void AwaitPolls(const std::string& polled, std::stop_token stop);

  // By the clock: runner_by_clock.cc.
  TimedRuns ByTheClock(TimedRuns::Job job, TimedRuns::Body body);
  // `kept`: a stage that lives as long as the log; null: one is made for each poll.
  void PollWhenOrdered(const SourcePlan& source, ChangeLog& log, capture::CaptureOrders& orders,
                       capture::CaptureStage* kept, const std::stop_token& stop);
  void PollByTheClock(const PipelinePlan& pipeline, capture::CaptureOrders& orders,
                      LogReader& reader, const std::stop_token& stop);
  void FollowByTheClock(const PipelinePlan& pipeline, ChangeLog& log,
                        capture::CaptureOrders& orders, Node* node, const std::stop_token& stop);
  void PollElsewhere(const PipelinePlan& pipeline);
  void FollowFromOutsideByTheClock(const PipelinePlan& pipeline, const std::stop_token& stop);
  // Until `stop`, or their own ends.
  std::vector<std::jthread> VerifyByTheClock(const std::stop_token& stop);
  // One poll of a run; then one apply.
  void Poll(capture::CaptureOrders& orders, LogReader& reader, cli::Run& run);
  void ApplyRun(const PipelinePlan& pipeline, LogReader& reader, cli::Run& run, Node* node,
                const std::stop_token& stop);
  // Runs a body for as long as the pipeline is not paused, and again when it is resumed.
  void WhileActive(const std::string& pipeline, bool once, const std::stop_token& stop,
                   const std::function<void(std::stop_token)>& body);

  std::string RunKind() const;
  bool IsByTheClock(const PipelinePlan& pipeline) const {
    return pipeline.schedule.at && !options_.once;
  }
  std::vector<RunRecorder::Subject> SubjectsOfRecorder();
  std::function<void(const Error*)> TroubleOfCapture(const SourcePlan& source);
  // With `once`: what is paused is left out.
  void LeaveOutPaused();

  // Those to run here that have not failed.
  std::vector<const PipelinePlan*> PipelinesOf(const SourcePlan& source);
  void RecordFailure(const std::string& name, const Error& error);
  bool HasFailed(const std::string& name);
  void RecordStart(const std::string& name);
  bool HasStarted(const std::string& name);

  Plan plan_;  // constant after construction
  const Options options_;
  Clock& clock_;
  const std::shared_ptr<spdlog::logger> logger_;
  StageWatch watch_;
  RunBook book_;
  PauseWatch pauses_;
  Hooks hooks_;
  Incidents incidents_;
  RunRecorder recorder_;

  struct Failure {
    std::string name;
    Error error;
  };
  std::mutex mutex_;
  std::vector<Failure> failures_;   // guarded by mutex_
  std::set<std::string> started_;   // guarded by mutex_; units whose stage was made at least once
  std::set<std::string> unpolled_;  // guarded by mutex_; nodes, with `once`
};

}  // namespace syncline::cli
