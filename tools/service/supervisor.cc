#include "tools/service/supervisor.h"

#include <algorithm>
#include <exception>
#include <system_error>

#include "engine/base/as_error.h"
#include "engine/base/backoff.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

// A stage that ran for this long was well: the next wait is a short one again.
constexpr Microseconds kHealthyRun = 60s;
// Between two looks whether others still go on.
constexpr Microseconds kLookEvery = 200ms;
// While a unit has failed and others go on.
constexpr Microseconds kFirstWait = 1s;

const char* KindOf(Work::Part part) { return part == Work::Part::kCapture ? "capture" : "apply"; }

// Another pipeline may be about to make the file, or its tables.
bool IsStillToBeMade(const Error& error) {
  return error.condition() == Condition::kNoSuchFile ||
         error.condition() == Condition::kNoSuchTable;
}

bool DependsOn(const PipelinePlan& pipeline, const Unit& unit) {
  return (unit.part == Work::Part::kApply ? pipeline.name : pipeline.place()) == unit.name;
}

bool MayComeBack(const Unit& unit, const Error& error) {
  if (error.reaction() == Reaction::kDamage) return false;
  if (error.may_go_away()) return true;
  return unit.part == Work::Part::kCapture && IsStillToBeMade(error);
}

}  // namespace

void Supervisor::Run(const Unit& unit, const Body& body) {
  try {
    body();
  } catch (...) {
    RecordFailureForGood(unit, AsError(std::current_exception()));
  }
}

bool Supervisor::Start(const Unit& unit, std::vector<std::jthread>& threads, Body body) {
  try {
    threads.emplace_back(std::move(body));
    return true;
  } catch (const std::system_error&) {
    RecordFailureForGood(unit, AsError(std::current_exception()));
    return false;
  }
}

void Supervisor::RecordFailureForGood(const Unit& unit, const Error& error) {
  RecordFailure(unit, error);
  const std::lock_guard lock(mutex_);
  std::ranges::find(failures_, unit, &Failure::unit)->for_good = true;
}

void Supervisor::RecordFailure(const Unit& unit, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find(failures_, unit, &Failure::unit);
    if (known != failures_.end() && known->error.message() == error.message()) return;
    if (known != failures_.end()) failures_.erase(known);
    failures_.push_back({unit, error});
  }
  // A second process that is refused says nothing about the pipeline.
  const bool is_well_elsewhere = book_.IsAtWorkElsewhere(unit.part, unit.name);
  for (const PipelinePlan& pipeline : pipelines_) {
    if (is_well_elsewhere || !DependsOn(pipeline, unit)) continue;
    incidents_.Stopped(pipeline.name, KindOf(unit.part), error);
  }
  book_.EndWork(unit.part, unit.name, Work::End::kFailed);
  // The only pipeline's failure ends the program, which then tells it.
  if (pipelines_.size() < 2) return;
  logger_->Error("stopped by an error name={} error=\"{}\" hint=\"{}\"", unit.name, error.message(),
                 error.hint());
}

bool Supervisor::HasFailed(const Unit& unit) {
  const std::lock_guard lock(mutex_);
  return std::ranges::find(failures_, unit, &Failure::unit) != failures_.end();
}

bool Supervisor::HasFailedForGood(const Unit& unit) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(failures_, unit, &Failure::unit);
  return found != failures_.end() && found->for_good;
}

void Supervisor::RecordStart(const Unit& unit) {
  bool had_failed = false;
  {
    const std::lock_guard lock(mutex_);
    started_.insert(unit);
    had_failed = std::erase_if(failures_, [&](const Failure& one) { return one.unit == unit; }) > 0;
  }
  if (!had_failed) return;
  for (const PipelinePlan& pipeline : pipelines_) {
    if (DependsOn(pipeline, unit)) incidents_.StartedAgain(pipeline.name, KindOf(unit.part));
  }
  book_.BeginWork(unit.part, unit.name, once_);
  logger_->Info("goes on again after it had stopped name={}", unit.name);
}

bool Supervisor::HasStarted(const Unit& unit) {
  const std::lock_guard lock(mutex_);
  return started_.contains(unit);
}

// A pipeline goes on when neither it nor the capture by which it runs has failed.
bool Supervisor::OthersGoOn(const Unit& unit) {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(pipelines_, [&](const PipelinePlan& pipeline) {
    return !DependsOn(pipeline, unit) &&
           std::ranges::none_of(failures_, [&](const Failure& failure) {
             return DependsOn(pipeline, failure.unit);
           });
  });
}

bool Supervisor::AwaitAnotherTry(const Unit& unit, Microseconds wait, const std::stop_token& stop) {
  for (const Microseconds until = clock_.Monotonic() + wait; clock_.Monotonic() < until;) {
    if (!OthersGoOn(unit)) return false;
    if (!clock_.Sleep(kLookEvery, stop)) break;
  }
  return OthersGoOn(unit);
}

void Supervisor::Persist(const Unit& unit, const Backoff::Options& retry, bool once,
                         std::stop_token stop, const Body& body) {
  Backoff backoff(retry), failed({.first = kFirstWait});
  for (;;) {
    const Microseconds began = clock_.Monotonic();
    try {
      body();
      return;
    } catch (...) {
      const Error error = AsError(std::current_exception());
      // The stop has cut it short, or would have ended it.
      if (error.may_go_away() && stop.stop_requested()) return;
      if (once) throw error;
      if (error.may_go_away() && HasStarted(unit)) {
        if (clock_.Monotonic() - began > kHealthyRun) backoff.Reset();
        if (backoff.exhausted()) throw GivenUpError(error, backoff.tries());
        const Microseconds wait = backoff.Next();
        logger_->Warn("will start again name={} after_ms={} error=\"{}\"", unit.name,
                      wait.count() / 1000, error.message());
        if (!clock_.Sleep(wait, stop)) return;
        continue;
      }
      if (!MayComeBack(unit, error) || stop.stop_requested()) throw error;
      if (clock_.Monotonic() - began > kHealthyRun) failed.Reset();
      RecordFailure(unit, error);
      if (!AwaitAnotherTry(unit, failed.Next(), stop)) throw error;
      if (stop.stop_requested()) return;
    }
  }
}

std::optional<Error> Supervisor::FirstFailure() {
  const std::lock_guard lock(mutex_);
  if (failures_.empty()) return {};
  return failures_.front().error;
}

}  // namespace syncline::cli
