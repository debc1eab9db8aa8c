// How Runner applies: from a log that this process writes, or another one.
#include "apply/apply_stage.h"
#include "capture/capture_stage.h"
#include "engine/base/either_stop.h"
#include "engine/log/log_catalog.h"
#include "tools/service/moment_watch.h"
#include "tools/service/replica_tables.h"
#include "tools/service/runner.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

constexpr Microseconds kLogPoll = 200ms;
// A log appears bit by bit while it is made; what looks wrong for longer than this is wrong.
constexpr Microseconds kLogMakingMax = 10s;

}  // namespace

void Runner::FollowFromHere(const PipelinePlan& pipeline, LogReaders& log, bool once,
                            std::stop_token stop, std::stop_token ending) {
  WhileActive(pipeline.name, once, stop, [&](std::stop_token active) {
    const EitherStop either(active, ending);
    supervisor_.Persist(Unit::Of(pipeline), pipeline.schedule.retry, once, either.token(), [&] {
      auto reader = log.NewReader();
      apply::ApplyOptions options = OptionsFor(pipeline, reader->info(), once, nullptr);
      options.ending = ending;
      Apply(pipeline, *reader, std::move(options), active);
    });
  });
}

void Runner::FollowFromOutside(const PipelinePlan& pipeline, bool once, Replica* node,
                               std::stop_token stop) {
  if (node == nullptr && IsByTheClock(pipeline)) {
    return FollowFromOutsideByTheClock(pipeline, stop);
  }
  WhileActive(pipeline.name, once, stop, [&](std::stop_token active) {
    supervisor_.Persist(Unit::Of(pipeline), pipeline.schedule.retry, once, active, [&] {
      auto reader = WaitForLog(pipeline, once, active);
      if (reader == nullptr) return;
      Apply(pipeline, *reader, OptionsFor(pipeline, reader->info(), once, node), active);
    });
  });
}

std::unique_ptr<LogReader> Runner::WaitForLog(const PipelinePlan& pipeline, bool once,
                                              std::stop_token stop) {
  bool told = false;
  Microseconds in_the_making{0};
  for (;;) {
    const bool missing = !pipeline.log->MayExist();
    if (!missing || once) {
      try {
        return pipeline.log->OpenReader(clock_);
      } catch (const Error& error) {
        in_the_making += kLogPoll;
        if (once || in_the_making > kLogMakingMax || error.reaction() == Reaction::kDamage) {
          throw;
        }
      }
    }
    if (missing && !told) {
      logger_->Info("waiting for the log, which capture makes pipeline={} log={}", pipeline.name,
                    pipeline.log->Describe());
      told = true;
    }
    if (!clock_.Sleep(kLogPoll, stop)) return nullptr;
  }
}

apply::ApplyOptions Runner::OptionsFor(const PipelinePlan& pipeline, const LogInfo& log, bool once,
                                       Replica* node) {
  apply::ApplyOptions options{.pipeline = pipeline.name,
                              .once = once,
                              .consumer = pipeline.name,
                              .quarantine_limit = pipeline.quarantine_limit,
                              .retry = pipeline.schedule.retry,
                              .troubled = [this, &pipeline](const Error* error) {
                                incidents_.Trying(pipeline.name, "apply", error);
                              }};
  // Each run to stdout begins anew: there is nothing that retention could keep for it.
  if (pipeline.lines && pipeline.lines->is_stdout()) options.consumer.clear();
  if (!pipeline.two_way) return options;
  RefuseReplicaNarrowing(pipeline);
  options.two_way.log = node;
  const NodeId other = NodeIdOf(log.source);
  if (other == node->node()) {
    throw UsageError(
        "both databases say that they are " + log.source,
        "two directions need two databases that can be told apart: a copy of a PostgreSQL server's "
        "files has the original's name, a dump that is restored into another server has not");
  }
  for (const sql::DatabaseUrl& url : pipeline.prefer) {
    const bool is_own = url.connection == pipeline.target_url.connection;
    const bool is_other = url.connection == pipeline.source_url.connection;
    options.two_way.prefer.push_back(is_own     ? node->node()
                                     : is_other ? other
                                                : NodeIdOf(capture::SourceIdentity(url)));
  }
  return options;
}

void Runner::Apply(const PipelinePlan& pipeline, LogReader& reader, apply::ApplyOptions options,
                   std::stop_token stop) {
  std::optional<MomentWatch> watched;
  if (!pipeline.lines) watched.emplace(pipeline, reader, *logger_);
  LogReader& log = watched ? static_cast<LogReader&>(*watched) : reader;
  apply::ApplyStage stage(targets_.Of(pipeline), std::move(options), log, clock_, logger_);
  supervisor_.RecordStart(Unit::Of(pipeline));
  auto watching = watch_.Apply(pipeline.name, pipeline.source, stage.stats());
  stage.Run(stop);
}

}  // namespace syncline::cli
