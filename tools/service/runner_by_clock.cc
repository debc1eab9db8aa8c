// What Runner does by the clock.
#include <algorithm>
#include <future>
#include <thread>

#include "apply/apply_stage.h"
#include "capture/capture_stage.h"
#include "capture/polling/capture_orders.h"
#include "capture/polling/polled_database.h"
#include "engine/base/as_error.h"
#include "engine/base/either_stop.h"
#include "engine/log/log_catalog.h"
#include "tools/control/log_control.h"
#include "tools/service/moment_watch.h"
#include "tools/service/retention_loop.h"
#include "tools/service/runner.h"
#include "tools/service/verify_child.h"

namespace syncline::cli {

ScheduledPipeline Runner::ByTheClock(ScheduledPipeline::Job job, ScheduledPipeline::Body body) {
  return ScheduledPipeline(std::move(job), {book_, pauses_, incidents_, clock_, *logger_},
                           std::move(body));
}

void Runner::WhileActive(const std::string& pipeline, bool once, const std::stop_token& stop,
                         const std::function<void(std::stop_token)>& body) {
  if (once) return body(stop);
  while (pauses_.WaitUntilActive(pipeline, stop)) {
    const EitherStop active(stop, pauses_.WhileActive(pipeline));
    body(active.token());
    if (stop.stop_requested() || !active.token().stop_requested()) return;
    logger_->Info("paused pipeline={}", pipeline);
  }
}

void Runner::PollWhenOrdered(const SourcePlan& source, ChangeLog& log,
                             capture::CaptureOrders& orders, capture::CaptureStage* kept,
                             PollNotes& notes, const std::stop_token& stop) {
  while (orders.WaitForOrder(clock_, stop)) {
    try {
      if (kept != nullptr) {
        kept->Run(stop);
        continue;
      }
      capture::CaptureStage stage(capture::Polled(source.url, source.tables),
                                  {.every = source.every,
                                   .once = true,
                                   .load = source.load,
                                   .orders = &orders,
                                   .troubled = TroubleOfCapture(source),
                                   .progressed = notes.Noting()},
                                  log, clock_, logger_);
      const auto watching = watch_.Capture(source.database, stage.stats(), log.NewReader());
      stage.Run(stop);
    } catch (...) {
      // Whoever gave the orders reacts. But a log that has to be opened again is nobody else's.
      const Error error = AsError(std::current_exception());
      orders.Take().Fail(error);
      if (error.reaction() == Reaction::kRestart || error.reaction() == Reaction::kDamage) throw;
    }
  }
}

void Runner::PollByTheClock(const PipelinePlan& pipeline, capture::CaptureOrders& orders,
                            LogReader& reader, const std::stop_token& stop) {
  ByTheClock({pipeline.name, RunKind(), *pipeline.schedule.at, pipeline.schedule.retry},
             [&](RunRecord& run, const std::stop_token&) {
               Poll(orders, reader, run);
               CountSetAside(pipeline);
             })
      .Run(stop);
}

void Runner::FollowByTheClock(const PipelinePlan& pipeline, LogReaders& log,
                              capture::CaptureOrders& orders, Replica* node,
                              const std::stop_token& stop) {
  ByTheClock({pipeline.name, RunKind(), *pipeline.schedule.at, pipeline.schedule.retry},
             [&](RunRecord& run, const std::stop_token& active) {
               const auto own = log.NewReader();
               Poll(orders, *own, run);
               CountSetAside(pipeline);
               if (!pipeline.two_way) return ApplyRun(pipeline, *own, run, nullptr, active);
               PollElsewhere(pipeline);
               const auto other = pipeline.log->OpenReader(clock_);
               ApplyRun(pipeline, *other, run, node, active);
               // What was applied becomes a cut of this log.
               if (!active.stop_requested()) Poll(orders, *own, run);
             })
      .Run(stop);
}

// By the process that captures the source, if there is one.
void Runner::PollElsewhere(const PipelinePlan& pipeline) {
  try {
    OrderPoll(*pipeline.log, {}, pipeline.target_url.limits);
  } catch (const Error& error) {
    logger_->Info("the source is not polled for this run pipeline={} error=\"{}\"", pipeline.name,
                  error.message());
  }
}

void Runner::FollowFromOutsideByTheClock(const PipelinePlan& pipeline,
                                         const std::stop_token& stop) {
  ByTheClock({pipeline.name, RunKind(), *pipeline.schedule.at, pipeline.schedule.retry},
             [&](RunRecord& run, const std::stop_token& active) {
               PollElsewhere(pipeline);
               const auto reader = pipeline.log->OpenReader(clock_);
               ApplyRun(pipeline, *reader, run, nullptr, active);
             })
      .Run(stop);
}

// Where nobody applies and nobody else wants the source polled, its pipelines' times are those of
// its polls.
void Runner::StartPolls(const SourcePlan& source, LogReaders& log, capture::CaptureOrders& orders,
                        std::stop_token stop, std::vector<std::jthread>& threads) {
  if (options_.apply || options_.once || source.polls) return;
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    if (pipeline.place() != source.database) continue;
    supervisor_.Start(Unit::Of(pipeline), threads, [this, &pipeline, &log, &orders, stop] {
      supervisor_.Run(Unit::Of(pipeline),
                      [&] { PollByTheClock(pipeline, orders, *log.NewReader(), stop); });
    });
  }
}

std::jthread Runner::KeepLog(const SourcePlan& source, LogAdmin& log, std::stop_source capturing) {
  if (!source.retain || options_.once) return {};
  return std::jthread([this, &source, &log, capturing](std::stop_token stop) mutable {
    RetentionLoop keeper(source.database, log, *source.retain, clock_, logger_);
    if (source.retain_at) {
      ByTheClock(FoldJob(source), [&](RunRecord&, std::stop_token active) {
        keeper.RunOnce(std::move(active));
      }).Run(stop);
      return;
    }
    supervisor_.Run(Unit::Of(source), [&] { keeper.Run(stop); });
    if (supervisor_.HasFailed(Unit::Of(source))) capturing.request_stop();
  });
}

void Runner::FoldOnce(const SourcePlan& source, LogAdmin& log, const std::stop_token& stop) {
  RetentionLoop keeper(source.database, log, *source.retain, clock_, logger_);
  if (!source.retain_at) return keeper.RunOnce(stop);
  ByTheClock(FoldJob(source), [&](RunRecord&, std::stop_token active) {
    keeper.RunOnce(std::move(active));
  }).RunWhatIsDue(stop);
}

// The answer comes in any case, at the latest when the capture ends.
void Runner::Poll(capture::CaptureOrders& orders, LogReader& reader, RunRecord& run) {
  const Offset before = reader.end();
  orders.PostPatiently().get();
  run.counts.polls += 1;
  run.counts.captured += reader.end() - before;
}

void Runner::CountSetAside(const PipelinePlan& pipeline) {
  const Activity activity = watch_.Counts();
  const auto capture = activity.captures.find(pipeline.source);
  if (capture == activity.captures.end() || !capture->second.knows_set_aside) return;
  incidents_.LeavingOut(pipeline.name, capture->second.RowsSetAside(TablesOf(pipeline)));
}

void Runner::ApplyRun(const PipelinePlan& pipeline, LogReader& reader, RunRecord& run,
                      Replica* node, const std::stop_token& stop) {
  run.state = RunState::kInProgress;
  run.error.clear();
  book_.Update(run);
  apply::ApplyOptions options = OptionsFor(pipeline, reader.info(), /*once=*/true, node);
  options.retry = WithAnEnd(pipeline.schedule.retry);
  options.troubled = {};  // the run tells it
  std::optional<MomentWatch> watched;
  if (!pipeline.lines) watched.emplace(pipeline, reader, *logger_);
  LogReader& log = watched ? static_cast<LogReader&>(*watched) : reader;
  apply::ApplyStage stage(targets_.Of(pipeline), std::move(options), log, clock_, logger_);
  supervisor_.RecordStart(Unit::Of(pipeline));
  const auto watching = watch_.Apply(pipeline.name, pipeline.source, stage.stats());
  const auto add = [&] {
    const apply::ApplyStats& stats = stage.stats();
    run.counts.applied += stats.changes;
    run.counts.written += stats.rows_written;
    run.counts.newer += stats.rows_newer;
    run.counts.conflicts += stats.conflicts;
    run.counts.refused += stats.refused;
  };
  try {
    stage.Run(stop);
  } catch (const Error&) {
    add();
    throw;
  }
  add();
  if (!stage.stats().knows_parked) return;
  incidents_.Refusing(pipeline.name, stage.stats().parked);
}

std::vector<std::jthread> Runner::VerifyByTheClock(const std::stop_token& stop) {
  std::vector<std::jthread> threads;
  if (!options_.apply || options_.once) return threads;
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    if (!pipeline.schedule.verify) continue;
    threads.emplace_back([this, &pipeline, stop](std::stop_token own) {
      const EitherStop either(stop, std::move(own));
      const auto verify = [&](RunRecord& run, const std::stop_token& active) {
        run.state = RunState::kInProgress;
        book_.Update(run);
        VerifyInChild(plan_.config_file, pipeline.name, active);
      };
      ByTheClock({pipeline.name, "verify", *pipeline.schedule.verify, pipeline.schedule.retry},
                 verify)
          .Run(either.token());
    });
  }
  return threads;
}

}  // namespace syncline::cli
