#include "tools/runner.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "apply/apply_stage.h"
#include "capture/capture_stage.h"
#include "engine/base/backoff.h"
#include "tools/pipeline_status.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

constexpr Microseconds kLogPoll = 200ms;
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
  {
    std::vector<std::jthread> units;
    if (options_.capture) {
      for (const SourcePlan& source : plan_.sources) {
        units.emplace_back([this, &source, stop] {
          RunUnit(source.database,
                  [&] { Persist(source.database, stop, [&] { RunSource(source, stop); }); });
        });
      }
    } else {
      for (const PipelinePlan& pipeline : plan_.pipelines) {
        units.emplace_back([this, &pipeline, stop] {
          RunUnit(pipeline.name, [&] { FollowFromOutside(pipeline, stop); });
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

void Runner::Persist(const std::string& name, std::stop_token stop, const Body& body) {
  Backoff backoff;
  for (;;) {
    const Microseconds began = clock_.Monotonic();
    try {
      body();
      return;
    } catch (const Error& error) {
      if (!MayGoAway(error) || !HasStarted(name) || options_.once) throw;
      if (stop.stop_requested()) return;
      if (clock_.Monotonic() - began > kHealthyRun) backoff.Reset();
      const Microseconds wait = backoff.Next();
      logger_->warn("will start again name={} after_ms={} error=\"{}\"", name, wait.count() / 1000,
                    error.message());
      if (!clock_.Sleep(wait, stop)) return;
    }
  }
}

std::vector<const PipelinePlan*> Runner::PipelinesOf(const SourcePlan& source) const {
  std::vector<const PipelinePlan*> found;
  for (const PipelinePlan& pipeline : plan_.pipelines) {
    if (pipeline.source == source.database) found.push_back(&pipeline);
  }
  return found;
}

// Threads here, for one source: this one captures, one per pipeline follows the log. The log
// outlives them all.
void Runner::RunSource(const SourcePlan& source, std::stop_token stop) {
  auto log = ChangeLog::Open(source.log_folder, capture::SourceIdentity(source.url), clock_);
  capture::CaptureStage stage(source.url, source.tables,
                              {.every = source.every, .once = options_.once}, *log, clock_,
                              logger_);
  RecordStart(source.database);
  auto watching = watch_.Capture(source.database, stage.stats(), log->NewReader());

  std::vector<const PipelinePlan*> pipelines;
  if (options_.apply) pipelines = PipelinesOf(source);
  std::erase_if(pipelines, [this](const PipelinePlan* p) { return HasFailed(p->name); });
  std::stop_source capturing, following;
  std::stop_callback forward(stop, [&] {
    capturing.request_stop();
    following.request_stop();
  });
  std::atomic<size_t> alive = pipelines.size();
  auto follow = [&](const PipelinePlan* pipeline, bool once, std::stop_token until) {
    RunUnit(pipeline->name, [&] { FollowFromHere(*pipeline, *log, once, until); });
    if (HasFailed(pipeline->name) && --alive == 0) capturing.request_stop();
  };
  auto follow_all = [&](bool once, std::stop_token until) {
    std::vector<std::jthread> threads;
    for (const PipelinePlan* pipeline : pipelines) {
      if (!HasFailed(pipeline->name)) {
        threads.emplace_back([&follow, pipeline, once, until] { follow(pipeline, once, until); });
      }
    }
    return threads;
  };

  std::exception_ptr failure;
  bool again = false;  // the failure is one that Persist gets over
  {
    std::vector<std::jthread> threads = follow_all(false, following.get_token());
    try {
      stage.Run(capturing.get_token());
    } catch (const Error& error) {
      failure = std::current_exception();
      again = MayGoAway(error) && !options_.once;
    }
    following.request_stop();
  }
  // What is in the log by now is applied before the pipelines end, unless they were told to stop or
  // go on soon.
  if (!stop.stop_requested() && !again) follow_all(true, stop);
  if (failure) std::rethrow_exception(failure);
}

void Runner::FollowFromHere(const PipelinePlan& pipeline, ChangeLog& log, bool once,
                            std::stop_token stop) {
  Persist(pipeline.name, stop, [&] {
    auto reader = log.NewReader();
    Apply(pipeline, *reader, once, stop);
  });
}

void Runner::FollowFromOutside(const PipelinePlan& pipeline, std::stop_token stop) {
  Persist(pipeline.name, stop, [&] {
    auto reader = WaitForLog(pipeline, stop);
    if (reader != nullptr) Apply(pipeline, *reader, options_.once, stop);
  });
}

std::unique_ptr<LogReader> Runner::WaitForLog(const PipelinePlan& pipeline, std::stop_token stop) {
  bool told = false;
  Microseconds in_the_making{0};
  for (;;) {
    const bool missing = !LogMayExist(pipeline.log_folder);
    if (!missing || options_.once) {
      try {
        return LogReader::Open(pipeline.log_folder, clock_);
      } catch (const Error& error) {
        in_the_making += kLogPoll;
        if (options_.once || in_the_making > kLogMakingMax ||
            error.reaction() == Reaction::kDamage) {
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

void Runner::Apply(const PipelinePlan& pipeline, LogReader& reader, bool once,
                   std::stop_token stop) {
  apply::ApplyStage stage(pipeline.target_url, pipeline.tables,
                          {.pipeline = pipeline.name, .once = once}, reader, clock_, logger_);
  RecordStart(pipeline.name);
  auto watching = watch_.Apply(pipeline.name, pipeline.source, stage.stats());
  stage.Run(stop);
}

}  // namespace syncline::cli
