#include "tools/service/runner.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "capture/capture_stage.h"
#include "capture/cursor/stored_cursor.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/capture_orders.h"
#include "capture/polling/polled_database.h"
#include "engine/base/as_error.h"
#include "engine/base/backoff.h"
#include "engine/base/either_stop.h"
#include "engine/base/logger.h"
#include "engine/log/log_catalog.h"
#include "tools/control/log_control.h"
#include "tools/service/replica_tables.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

constexpr Microseconds kPollsPoll = 20ms;

std::map<std::string, HookConfig> HooksOf(const Plan& plan) {
  std::map<std::string, HookConfig> hooks;
  for (const PipelinePlan& pipeline : plan.pipelines) {
    hooks[pipeline.name] = pipeline.schedule.on_error;
  }
  return hooks;
}

}  // namespace

Runner::Runner(Plan plan, Options options, Clock& clock, std::shared_ptr<Logger> logger)
    : plan_(std::move(plan)),
      options_(options),
      clock_(clock),
      logger_(std::move(logger)),
      targets_(plan_),
      watch_(clock),
      book_(plan_.state, clock_, logger_, {.stop = plan_.stop}),
      pauses_(book_),
      hooks_(HooksOf(plan_), logger_, plan_.stop),
      incidents_(book_, hooks_, clock_),
      supervisor_(plan_.pipelines, options_.once, clock_, logger_, book_, incidents_),
      recorder_(SubjectsOfRecorder(), watch_, book_, incidents_) {
  if (options_.once) LeaveOutPaused();
}

void Runner::LeaveOutPaused() {
  const auto is_paused = [&](const std::string& name) { return pauses_.IsPaused(name); };
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    if (!is_paused(pipeline.name)) continue;
    logger_->Info("paused, and left out pipeline={}", pipeline.name);
    RunRecord run;
    run.pipeline = pipeline.name;
    run.kind = RunKind();
    book_.Begin(run);
    book_.End(run, RunState::kSkipped, "the pipeline is paused");
  }
  std::erase_if(plan_.sources, [&](const SourcePlan& source) {
    return std::ranges::all_of(plan_.pipelines, [&](const PipelinePlan& pipeline) {
      return pipeline.place() != source.database || is_paused(pipeline.name);
    });
  });
  std::erase_if(plan_.pipelines,
                [&](const PipelinePlan& pipeline) { return is_paused(pipeline.name); });
}

std::string Runner::RunKind() const {
  if (options_.capture && options_.apply) return "sync";
  return options_.capture ? "capture" : "apply";
}

std::vector<RunSampler::Subject> Runner::SubjectsOfRecorder() {
  std::vector<RunSampler::Subject> subjects;
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    const bool left_out = options_.once && pauses_.IsPaused(pipeline.name);
    if (left_out || IsByTheClock(pipeline)) continue;
    subjects.push_back(
        {pipeline.name, pipeline.source, RunKind(), pipeline.place(), TablesOf(pipeline)});
  }
  return subjects;
}

std::vector<TableName> Runner::TablesOf(const PipelinePlan& pipeline) {
  std::vector<TableName> names;
  for (const apply::TableMapping& mapping : pipeline.tables) names.push_back(mapping.source);
  return names;
}

std::function<void(const Error*)> Runner::TroubleOfCapture(const SourcePlan& source) {
  return [this, &source](const Error* error) {
    for (const PipelinePlan& pipeline : plan_.pipelines) {
      const bool is_here = pipeline.place() == source.database && !IsByTheClock(pipeline);
      if (is_here) incidents_.Trying(pipeline.name, "capture", error);
    }
  };
}

void Runner::Run(std::stop_token stop) {
  BeginWork();
  {
    const std::jthread pauses([this](std::stop_token end) {
      if (!options_.once) pauses_.Run(std::move(end));
    });
    const std::jthread recording([this](std::stop_token end) { recorder_.Run(std::move(end)); });
    const std::vector<std::jthread> verifying = VerifyByTheClock(stop);
    std::vector<std::jthread> units;
    if (options_.capture) {
      for (const SourcePlan& source : plan_.sources) {
        if (source.node && options_.once) unpolled_.insert(source.database);
      }
      for (const SourcePlan& source : plan_.sources) {
        supervisor_.Start(Unit::Of(source), units, [this, &source, stop] {
          supervisor_.Run(Unit::Of(source), [&] {
            supervisor_.Persist(Unit::Of(source), source.retry, options_.once, stop,
                                [&] { RunSource(source, stop); });
          });
          const std::lock_guard lock(mutex_);
          unpolled_.erase(source.database);
        });
      }
    } else {
      for (const PipelinePlan& pipeline : plan_.pipelines) {
        supervisor_.Start(Unit::Of(pipeline), units, [this, &pipeline, stop] {
          supervisor_.Run(Unit::Of(pipeline), [&] {
            if (pipeline.two_way) {
              throw UsageError(
                  "in two directions a database is applied to where it is captured",
                  "use `syncline run " + pipeline.name + "`, in a process of its own if need be");
            }
            FollowFromOutside(pipeline, options_.once, nullptr, stop);
          });
        });
      }
    }
  }
  const bool is_cut_short = options_.once && stop.stop_requested();
  recorder_.Finish(is_cut_short ? RunState::kCancelled : RunState::kDone, options_.once);
  EndWork(options_.once && !is_cut_short ? Work::End::kDone : Work::End::kStopped);
  if (const std::optional<Error> failure = supervisor_.FirstFailure()) throw *failure;
}

void Runner::BeginWork() {
  if (options_.capture) {
    for (const SourcePlan& source : plan_.sources) {
      book_.BeginWork(Work::Part::kCapture, source.database, options_.once);
    }
  }
  if (!options_.apply) return;
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    book_.BeginWork(Work::Part::kApply, pipeline.name, options_.once);
  }
}

// What has failed has said so.
void Runner::EndWork(Work::End end) {
  for (const SourcePlan& source : plan_.sources) {
    if (!options_.capture || supervisor_.HasFailed(Unit::Of(source))) continue;
    book_.EndWork(Work::Part::kCapture, source.database, end);
  }
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    if (!options_.apply || supervisor_.HasFailed(Unit::Of(pipeline))) continue;
    book_.EndWork(Work::Part::kApply, pipeline.name, end);
  }
}

std::vector<const PipelinePlan*> Runner::PipelinesOf(const SourcePlan& source) {
  std::vector<const PipelinePlan*> found;
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    const bool wanted = options_.apply && pipeline.place() == source.database;
    if (wanted && !supervisor_.HasFailedForGood(Unit::Of(pipeline))) found.push_back(&pipeline);
  }
  return found;
}

// The pipelines that run where one source is captured, each on a thread of its own.
class Runner::Followers {
 public:
  // `lonely` is called when the last pipeline has failed. `node`: the source's; null: it is none.
  Followers(Runner& runner, std::vector<const PipelinePlan*> pipelines, LogReaders& log,
            capture::CaptureOrders& orders, Replica* node, std::function<void()> lonely)
      : runner_(runner),
        pipelines_(std::move(pipelines)),
        log_(log),
        orders_(orders),
        node_(node),
        lonely_(std::move(lonely)),
        alive_(pipelines_.size()) {}

  // Until stopped, or, from `ending` on, to the log's end. The threads must end before the log
  // does.
  std::vector<std::jthread> Follow(std::stop_token stop, std::stop_token ending) {
    std::vector<std::jthread> threads;
    for (const PipelinePlan* pipeline : pipelines_) {
      StartThread(*pipeline, false, stop, ending, threads);
    }
    return threads;
  }

  // Returns when all of the log is applied, or stopped.
  void CatchUp(std::stop_token stop) {
    const Activity activity = runner_.watch_.Look();
    std::vector<std::jthread> threads;
    for (const PipelinePlan* pipeline : pipelines_) {
      auto apply = activity.applies.find(pipeline->name);
      if (runner_.IsByTheClock(*pipeline)) continue;
      if (pipeline->two_way && (!runner_.options_.once || node_->closed())) continue;
      if (!pipeline->two_way && apply != activity.applies.end() && apply->second.behind == 0) {
        continue;
      }
      StartThread(*pipeline, true, stop, {}, threads);
    }
  }

 private:
  void StartThread(const PipelinePlan& pipeline, bool once, std::stop_token stop,
                   std::stop_token ending, std::vector<std::jthread>& threads) {
    if (runner_.supervisor_.HasFailedForGood(Unit::Of(pipeline))) return;
    auto body = [this, &pipeline, once, stop, ending] {
      runner_.supervisor_.Run(Unit::Of(pipeline), [&] {
        if (runner_.IsByTheClock(pipeline)) {
          runner_.FollowByTheClock(pipeline, log_, orders_, node_, stop);
        } else if (pipeline.two_way) {
          runner_.FollowFromOutside(pipeline, once, node_, EitherStop(stop, ending).token());
        } else {
          runner_.FollowFromHere(pipeline, log_, once, stop, ending);
        }
      });
      if (runner_.supervisor_.HasFailedForGood(Unit::Of(pipeline))) LoseOne();
    };
    if (!runner_.supervisor_.Start(Unit::Of(pipeline), threads, std::move(body))) LoseOne();
  }

  void LoseOne() {
    if (--alive_ == 0) lonely_();
  }

  Runner& runner_;
  const std::vector<const PipelinePlan*> pipelines_;
  LogReaders& log_;
  capture::CaptureOrders& orders_;
  Replica* const node_;
  const std::function<void()> lonely_;
  std::atomic<size_t> alive_;
};

// Of a source that is also a target the tables that it lacks are made. A file that is gone is made
// for a new log only: otherwise all of its rows would count as deleted.
std::unique_ptr<ChangeLog> Runner::OpenLog(const SourcePlan& source) {
  if (source.node && !source.log->MayExist()) {
    MakeReplicaTables(plan_, source.database, {}, *logger_);
  }
  auto log = source.log->Open(capture::SourceIdentity(source.url), clock_);
  if (source.node) {
    MakeReplicaTables(plan_, source.database, capture::Guarantees(log->cursor()), *logger_);
  }
  return log;
}

// This thread captures. The log outlives the stage, and both outlive everything that follows the
// log.
void Runner::RunSource(const SourcePlan& source, std::stop_token stop) {
  const std::unique_ptr<ChangeLog> log = OpenLog(source);
  PollNotes notes(*source.log, log->info().id, clock_);
  capture::CaptureOrders orders;
  std::optional<Replica> node;
  if (source.node) node.emplace(source.url, log->info(), *log, *log, clock_);
  std::unique_ptr<capture::CaptureStage> stage;
  std::unique_ptr<StageWatch::Watching> watching;
  if (source.polls || options_.once || node) {
    capture::CaptureOptions options{
        .every = source.every,
        .once = options_.once || !source.polls,
        .load = source.load,
        .orders = &orders,
        .retry = source.retry,
        .troubled = TroubleOfCapture(source),
        .progressed = notes.Noting(),
    };
    if (node) options.node = node->CaptureOptions(source.node->max_skew, source.node->ahead);
    stage = std::make_unique<capture::CaptureStage>(capture::Polled(source.url, source.tables),
                                                    std::move(options), *log, clock_, logger_);
    if (node) node->Attach(*stage);
    watching = watch_.Capture(source.database, stage->stats(), log->NewReader());
  }
  supervisor_.RecordStart(Unit::Of(source));
  LogControl control(*log, orders, *source.log, logger_);
  const std::jthread taking_orders([&](std::stop_token end) { control.Run(std::move(end)); });
  std::shared_ptr<void> listening;
  if (!options_.once) {
    listening = pauses_.Listen([&] { orders.Hold(pauses_.AreAllPaused(source.readers)); });
  }

  std::stop_source capturing, following, ending;
  std::stop_callback forward(stop, [&] {
    capturing.request_stop();
    following.request_stop();
    if (node) node->Close();
  });
  Followers followers(*this, PipelinesOf(source), *log, orders, node ? &*node : nullptr,
                      [&] { capturing.request_stop(); });
  std::exception_ptr failure;
  bool again = false;  // the failure is one that Persist gets over
  {
    const std::jthread keeper = KeepLog(source, *log, capturing);
    std::vector<std::jthread> threads = followers.Follow(following.get_token(), ending.get_token());
    StartPolls(source, *log, orders, following.get_token(), threads);
    try {
      if (source.polls || options_.once) {
        stage->Run(capturing.get_token());
      } else {
        PollWhenOrdered(source, *log, orders, stage.get(), notes, capturing.get_token());
      }
    } catch (...) {
      failure = std::current_exception();
      again = AsError(failure).may_go_away() && !options_.once;
      following.request_stop();
      if (node) node->Close();
    }
    orders.Close();
    (options_.once ? ending : following).request_stop();
  }
  if (!stop.stop_requested() && !again) {
    const bool applies_once = node && options_.once && !failure;
    if (applies_once) AwaitPolls(source.database, stop);
    followers.CatchUp(stop);
    if (applies_once) stage->Run(stop);  // what was applied becomes a cut of this log
    if (options_.once && source.retain && !failure) FoldOnce(source, *log, stop);
  }
  if (failure) std::rethrow_exception(failure);
}

void Runner::AwaitPolls(const std::string& polled, std::stop_token stop) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      unpolled_.erase(polled);
      if (unpolled_.empty()) return;
    }
    if (!clock_.Sleep(kPollsPoll, stop)) return;
  }
}

}  // namespace syncline::cli
