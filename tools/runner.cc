#include "tools/runner.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "apply/apply_stage.h"
#include "capture/capture_stage.h"
#include "engine/base/backoff.h"
#include "tools/log_control.h"
#include "tools/log_keeper.h"
#include "tools/peer_tables.h"
#include "tools/pipeline_status.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

constexpr Microseconds kLogPoll = 200ms;
constexpr Microseconds kPollsPoll = 20ms;
// A log appears bit by bit while it is made; what looks wrong for longer than this is wrong.
constexpr Microseconds kLogMakingMax = 10s;
// A stage that ran for this long was well: the next wait is a short one again.
constexpr Microseconds kHealthyRun = 60s;

bool MayGoAway(const Error& error) {
  return error.reaction() == Reaction::kRetry || error.reaction() == Reaction::kRestart;
}

}  // namespace

Runner::Runner(Plan plan, Options options, Clock& clock, std::shared_ptr<spdlog::logger> logger)
    : plan_(std::move(plan)),
      options_(options),
      clock_(clock),
      logger_(std::move(logger)),
      watch_(clock) {}

void Runner::Run(std::stop_token stop) {
  MakePeerTables(plan_, *logger_);
  {
    std::vector<std::jthread> units;
    if (options_.capture) {
      for (const SourcePlan& source : plan_.sources) {
        if (source.node && options_.once) unpolled_.insert(source.database);
      }
      for (const SourcePlan& source : plan_.sources) {
        units.emplace_back([this, &source, stop] {
          RunUnit(source.database, [&] {
            Persist(source.database, options_.once, stop, [&] { RunSource(source, stop); });
          });
          const std::lock_guard lock(mutex_);
          unpolled_.erase(source.database);
        });
      }
    } else {
      for (const PipelinePlan& pipeline : plan_.pipelines) {
        units.emplace_back([this, &pipeline, stop] {
          RunUnit(pipeline.name, [&] {
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
  std::lock_guard lock(mutex_);
  if (!failures_.empty()) throw failures_.front().error;
}

void Runner::RunUnit(const std::string& name, const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    RecordFailure(name, error);
  } catch (const std::exception& error) {
    RecordFailure(name, StopError(std::string("unexpected: ") + error.what(),
                                  "this is a bug; please report it"));
  }
}

void Runner::RecordFailure(const std::string& name, const Error& error) {
  std::lock_guard lock(mutex_);
  failures_.push_back({name, error});
  // The only pipeline's failure ends the program, which then tells it.
  if (plan_.pipelines.size() < 2) return;
  logger_->error("stopped by an error name={} error=\"{}\" hint=\"{}\"", name, error.message(),
                 error.hint());
}

bool Runner::HasFailed(const std::string& name) {
  std::lock_guard lock(mutex_);
  return std::any_of(failures_.begin(), failures_.end(),
                     [&](const Failure& failure) { return failure.name == name; });
}

void Runner::RecordStart(const std::string& name) {
  std::lock_guard lock(mutex_);
  started_.insert(name);
}

bool Runner::HasStarted(const std::string& name) {
  std::lock_guard lock(mutex_);
  return started_.contains(name);
}

void Runner::Persist(const std::string& name, bool once, std::stop_token stop, const Body& body) {
  Backoff backoff;
  for (;;) {
    const Microseconds began = clock_.Monotonic();
    try {
      body();
      return;
    } catch (const Error& error) {
      if (!MayGoAway(error) || !HasStarted(name) || once) throw;
      if (stop.stop_requested()) return;
      if (clock_.Monotonic() - began > kHealthyRun) backoff.Reset();
      const Microseconds wait = backoff.Next();
      logger_->warn("will start again name={} after_ms={} error=\"{}\"", name, wait.count() / 1000,
                    error.message());
      if (!clock_.Sleep(wait, stop)) return;
    }
  }
}

std::vector<const PipelinePlan*> Runner::PipelinesOf(const SourcePlan& source) {
  std::vector<const PipelinePlan*> found;
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    const bool runs_here =
        (pipeline.two_way ? pipeline.target : pipeline.source) == source.database;
    const bool wanted = options_.apply && runs_here;
    if (wanted && !HasFailed(pipeline.name)) found.push_back(&pipeline);
  }
  return found;
}

// The pipelines that run where one source is captured, each on a thread of its own.
class Runner::Followers {
 public:
  // `lonely` is called when the last pipeline has failed.
  // `node`: the source's; null: it is none.
  Followers(Runner& runner, std::vector<const PipelinePlan*> pipelines, ChangeLog& log, Node* node,
            std::function<void()> lonely)
      : runner_(runner),
        pipelines_(std::move(pipelines)),
        log_(log),
        node_(node),
        lonely_(std::move(lonely)),
        alive_(pipelines_.size()) {}

  // Until stopped. The threads must end before the log does.
  std::vector<std::jthread> Follow(std::stop_token stop) {
    std::vector<std::jthread> threads;
    for (const PipelinePlan* pipeline : pipelines_) StartThread(*pipeline, false, stop, threads);
    return threads;
  }

  // Returns when all of the log is applied, or stopped.
  void CatchUp(std::stop_token stop) {
    const Activity activity = runner_.watch_.Look();
    std::vector<std::jthread> threads;
    for (const PipelinePlan* pipeline : pipelines_) {
      auto apply = activity.applies.find(pipeline->name);
      if (pipeline->two_way && !runner_.options_.once) continue;
      if (!pipeline->two_way && apply != activity.applies.end() && apply->second.behind == 0) {
        continue;
      }
      StartThread(*pipeline, true, stop, threads);
    }
  }

 private:
  void StartThread(const PipelinePlan& pipeline, bool once, std::stop_token stop,
                   std::vector<std::jthread>& threads) {
    if (runner_.HasFailed(pipeline.name)) return;
    threads.emplace_back([this, &pipeline, once, stop] {
      runner_.RunUnit(pipeline.name, [&] {
        if (pipeline.two_way) return runner_.FollowFromOutside(pipeline, once, node_, stop);
        runner_.FollowFromHere(pipeline, log_, once, stop);
      });
      if (runner_.HasFailed(pipeline.name) && --alive_ == 0) lonely_();
    });
  }

  Runner& runner_;
  const std::vector<const PipelinePlan*> pipelines_;
  ChangeLog& log_;
  Node* const node_;
  const std::function<void()> lonely_;
  std::atomic<size_t> alive_;
};

// This thread captures. The log outlives the stage, and both outlive everything that follows the
// log.
void Runner::RunSource(const SourcePlan& source, std::stop_token stop) {
  auto log = ChangeLog::Open(source.log_folder, capture::SourceIdentity(source.url), clock_);
  capture::CaptureOrders orders;
  std::optional<Node> node;
  capture::CaptureOptions options{
      .every = source.every, .once = options_.once, .load = source.load, .orders = &orders};
  if (source.node) {
    node.emplace(source.url, *log, clock_);
    options.node = node->CaptureOptions(source.node->max_skew, source.node->ahead);
  }
  capture::CaptureStage stage(source.url, source.tables, options, *log, clock_, logger_);
  if (node) node->Attach(stage);
  RecordStart(source.database);
  LogControl control(*log, orders, source.log_folder, logger_);
  const std::jthread taking_orders([&](std::stop_token end) { control.Run(std::move(end)); });
  auto watching = watch_.Capture(source.database, stage.stats(), log->NewReader());

  std::stop_source capturing, following;
  std::stop_callback forward(stop, [&] {
    capturing.request_stop();
    following.request_stop();
    if (node) node->Close();
  });
  Followers followers(*this, PipelinesOf(source), *log, node ? &*node : nullptr,
                      [&] { capturing.request_stop(); });
  std::exception_ptr failure;
  bool again = false;  // the failure is one that Persist gets over
  {
    const std::jthread keeper = KeepLog(source, *log, capturing);
    std::vector<std::jthread> threads = followers.Follow(following.get_token());
    try {
      stage.Run(capturing.get_token());
    } catch (const Error& error) {
      failure = std::current_exception();
      again = MayGoAway(error) && !options_.once;
    }
    orders.Close();
    following.request_stop();
  }
  if (!stop.stop_requested() && !again) {
    if (node && options_.once && !failure) {
      AwaitPolls(source.database, stop);
    }
    followers.CatchUp(stop);
    // What was applied becomes a cut of this log.
    if (node && options_.once && !failure) stage.Run(stop);
    if (options_.once && source.retain && !failure) {
      LogKeeper(source.database, *log, *source.retain, clock_, logger_).RunOnce(stop);
    }
  }
  if (failure) std::rethrow_exception(failure);
}

std::jthread Runner::KeepLog(const SourcePlan& source, ChangeLog& log, std::stop_source capturing) {
  if (!source.retain || options_.once) return {};
  return std::jthread([this, &source, &log, capturing](std::stop_token stop) mutable {
    LogKeeper keeper(source.database, log, *source.retain, clock_, logger_);
    RunUnit(source.database, [&] { keeper.Run(stop); });
    if (HasFailed(source.database)) capturing.request_stop();
  });
}

void Runner::FollowFromHere(const PipelinePlan& pipeline, ChangeLog& log, bool once,
                            std::stop_token stop) {
  Persist(pipeline.name, once, stop, [&] {
    auto reader = log.NewReader();
    Apply(pipeline, *reader, once, nullptr, stop);
  });
}

void Runner::FollowFromOutside(const PipelinePlan& pipeline, bool once, Node* node,
                               std::stop_token stop) {
  Persist(pipeline.name, once, stop, [&] {
    auto reader = WaitForLog(pipeline, once, stop);
    if (reader != nullptr) Apply(pipeline, *reader, once, node, stop);
  });
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

std::unique_ptr<LogReader> Runner::WaitForLog(const PipelinePlan& pipeline, bool once,
                                              std::stop_token stop) {
  bool told = false;
  Microseconds in_the_making{0};
  for (;;) {
    const bool missing = !LogMayExist(pipeline.log_folder);
    if (!missing || once) {
      try {
        return LogReader::Open(pipeline.log_folder, clock_);
      } catch (const Error& error) {
        in_the_making += kLogPoll;
        if (once || in_the_making > kLogMakingMax || error.reaction() == Reaction::kDamage) {
          throw;
        }
      }
    }
    if (missing && !told) {
      logger_->info("waiting for the log, which capture makes pipeline={} log={}", pipeline.name,
                    pipeline.log_folder.string());
      told = true;
    }
    if (!clock_.Sleep(kLogPoll, stop)) return nullptr;
  }
}

void Runner::Apply(const PipelinePlan& pipeline, LogReader& reader, bool once, Node* node,
                   std::stop_token stop) {
  apply::ApplyOptions options{.pipeline = pipeline.name,
                              .once = once,
                              .consumer = pipeline.name,
                              .quarantine_limit = pipeline.quarantine_limit};
  if (pipeline.two_way) {
    options.two_way.log = node;
    for (const sql::DatabaseUrl& url : pipeline.prefer) {
      options.two_way.prefer.push_back(NodeIdOf(capture::SourceIdentity(url)));
    }
  }
  apply::ApplyStage stage(pipeline.target_url, pipeline.tables, std::move(options), reader, clock_,
                          logger_);
  RecordStart(pipeline.name);
  auto watching = watch_.Apply(pipeline.name, pipeline.source, stage.stats());
  stage.Run(stop);
}

}  // namespace syncline::cli
