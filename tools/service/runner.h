#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "capture/polling/capture_orders.h"
#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/log/change_log.h"
#include "engine/log/log_reader.h"
#include "tools/config/plan.h"
#include "tools/history/best_effort_state_store.h"
#include "tools/service/hooks.h"
#include "tools/service/incidents.h"
#include "tools/service/pause_watch.h"
#include "tools/service/poll_notes.h"
#include "tools/service/replica.h"
#include "tools/service/run_sampler.h"
#include "tools/service/scheduled_pipeline.h"
#include "tools/service/stage_target.h"
#include "tools/service/stage_watch.h"
#include "tools/service/supervisor.h"

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
// once it has run at all. A first attempt that fails is final where nothing else goes on, because
// then a person is watching. A failed pipeline does not stop others; while they go on, it is tried
// again where the cause may go away: a server that is not there, or tables of its source that
// another pipeline may be about to make. One that runs by the clock has its next run in its time; a
// source all of whose pipelines have failed stops too. When a capture ends by failure, its
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
  Runner(Plan plan, Options options, Clock& clock, std::shared_ptr<Logger> logger);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Returns when everything has ended: because of `stop`, or because it was done. Throws the first
  // failure, after everything else has ended too; the others were logged.
  void Run(std::stop_token stop);

  StageWatch& watch() { return watch_; }
  const Plan& plan() const { return plan_; }

 private:
  class Followers;

  std::unique_ptr<ChangeLog> OpenLog(const SourcePlan& source);
  void RunSource(const SourcePlan& source, std::stop_token stop);
  // Retention of a source's log, on a thread of its own; what ends it badly ends the capture too.
  std::jthread KeepLog(const SourcePlan& source, LogAdmin& log, std::stop_source capturing);
  // Only with `once`.
  void FoldOnce(const SourcePlan& source, LogAdmin& log, const std::stop_token& stop);
  static ScheduledPipeline::Job FoldJob(const SourcePlan& source) {
    return {source.database, "retain", *source.retain_at, {}};
  }
  void StartPolls(const SourcePlan& source, LogReaders& log, capture::CaptureOrders& orders,
                  std::stop_token stop, std::vector<std::jthread>& threads);
  // `ending`: ApplyOptions::ending.
  void FollowFromHere(const PipelinePlan& pipeline, LogReaders& log, bool once,
                      std::stop_token stop, std::stop_token ending);
  void FollowFromOutside(const PipelinePlan& pipeline, bool once, Replica* node,
                         std::stop_token stop);
  std::unique_ptr<LogReader> WaitForLog(const PipelinePlan& pipeline, bool once,
                                        std::stop_token stop);
  apply::ApplyOptions OptionsFor(const PipelinePlan& pipeline, const LogInfo& log, bool once,
                                 Replica* node);
  void Apply(const PipelinePlan& pipeline, LogReader& reader, apply::ApplyOptions options,
             std::stop_token stop);
  // With `once`: `polled` has polled its database; until every node of this process has, or failed.
  void AwaitPolls(const std::string& polled, std::stop_token stop);

  // By the clock: runner_by_clock.cc.
  ScheduledPipeline ByTheClock(ScheduledPipeline::Job job, ScheduledPipeline::Body body);
  // `kept`: a stage that lives as long as the log; null: one is made for each poll.
  void PollWhenOrdered(const SourcePlan& source, ChangeLog& log, capture::CaptureOrders& orders,
                       capture::CaptureStage* kept, PollNotes& notes, const std::stop_token& stop);
  void PollByTheClock(const PipelinePlan& pipeline, capture::CaptureOrders& orders,
                      LogReader& reader, const std::stop_token& stop);
  void FollowByTheClock(const PipelinePlan& pipeline, LogReaders& log,
                        capture::CaptureOrders& orders, Replica* node, const std::stop_token& stop);
  void PollElsewhere(const PipelinePlan& pipeline);
  void FollowFromOutsideByTheClock(const PipelinePlan& pipeline, const std::stop_token& stop);
  // Until `stop`, or their own ends.
  std::vector<std::jthread> VerifyByTheClock(const std::stop_token& stop);
  // One poll of a run; then one apply.
  void Poll(capture::CaptureOrders& orders, LogReader& reader, RunRecord& run);
  void CountSetAside(const PipelinePlan& pipeline);
  static std::vector<TableName> TablesOf(const PipelinePlan& pipeline);  // of the source
  void ApplyRun(const PipelinePlan& pipeline, LogReader& reader, RunRecord& run, Replica* node,
                const std::stop_token& stop);
  // Runs a body for as long as the pipeline is not paused, and again when it is resumed.
  void WhileActive(const std::string& pipeline, bool once, const std::stop_token& stop,
                   const std::function<void(std::stop_token)>& body);

  std::string RunKind() const;
  bool IsByTheClock(const PipelinePlan& pipeline) const {
    return pipeline.schedule.at && !options_.once;
  }
  std::vector<RunSampler::Subject> SubjectsOfRecorder();
  std::function<void(const Error*)> TroubleOfCapture(const SourcePlan& source);
  // With `once`: what is paused is left out.
  void LeaveOutPaused();

  // Those to run here that have not failed.
  std::vector<const PipelinePlan*> PipelinesOf(const SourcePlan& source);
  // In `runs.db`, for who looks from another process.
  void BeginWork();
  void EndWork(Work::End end);

  Plan plan_;  // constant after construction
  const Options options_;
  Clock& clock_;
  const std::shared_ptr<Logger> logger_;
  const StageTargets targets_;
  StageWatch watch_;
  BestEffortStateStore book_;
  PauseWatch pauses_;
  Hooks hooks_;
  Incidents incidents_;
  Supervisor supervisor_;
  RunSampler recorder_;

  std::mutex mutex_;
  std::set<std::string> unpolled_;  // guarded by mutex_; nodes, with `once`
};

}  // namespace syncline::cli
