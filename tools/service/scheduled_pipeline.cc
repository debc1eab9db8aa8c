#include "tools/service/scheduled_pipeline.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/as_error.h"
#include "engine/base/either_stop.h"
#include "engine/base/error.h"

namespace syncline::cli {
namespace {

// The clock may be set meanwhile, or the pipeline be paused.
constexpr Microseconds kLookAgain = std::chrono::seconds(1);
constexpr int kRetriesUnlessSaid = 5;

}  // namespace

Backoff::Options WithAnEnd(Backoff::Options retry) {
  if (!retry.retries) retry.retries = kRetriesUnlessSaid;
  return retry;
}

ScheduledPipeline::ScheduledPipeline(Job job, Parts parts, Body body)
    : job_(std::move(job)), parts_(parts), body_(std::move(body)) {
  const std::optional<WallTime> last = parts_.book.LastFiring(job_.pipeline, job_.kind);
  firings_.emplace(job_.at, last, parts_.clock.Now());
  // So that a time that comes before anything has run is missed, if it is.
  if (!last) parts_.book.NoteFiring(job_.pipeline, job_.kind, firings_->last());
}

void ScheduledPipeline::Run(std::stop_token stop) {
  parts_.logger.Info("by the clock pipeline={} kind={} at=\"{}\"", job_.pipeline, job_.kind,
                     job_.at.Describe());
  while (!stop.stop_requested()) {
    if (parts_.pauses.IsPaused(job_.pipeline)) {
      parts_.pauses.WaitUntilActive(job_.pipeline, stop);
      if (const auto due = TakeDue()) Skip(*due);
      continue;
    }
    if (RunWhatIsDue(stop)) continue;
    const std::optional<WallTime> next = firings_->Next();
    Microseconds wait = kLookAgain;
    if (next) wait = std::clamp(*next - parts_.clock.Now(), Microseconds(1'000), kLookAgain);
    parts_.clock.Sleep(wait, stop);
  }
}

std::optional<Timetable::Due> ScheduledPipeline::TakeDue() {
  const std::optional<Timetable::Due> due = firings_->Take(parts_.clock.Now());
  if (due) parts_.book.NoteFiring(job_.pipeline, job_.kind, firings_->last());
  return due;
}

bool ScheduledPipeline::RunWhatIsDue(std::stop_token stop) {
  const std::optional<Timetable::Due> due = TakeDue();
  if (!due) return false;
  if (parts_.pauses.IsPaused(job_.pipeline)) {
    Skip(*due);
  } else {
    RunOnce(NewRun(*due, RunState::kQueued), std::move(stop));
  }
  return true;
}

RunRecord ScheduledPipeline::NewRun(const Timetable::Due& due, RunState state) const {
  RunRecord run;
  run.pipeline = job_.pipeline;
  run.kind = job_.kind;
  run.state = state;
  run.scheduled = due.last;
  run.missed = due.times - 1;
  return run;
}

void ScheduledPipeline::Skip(const Timetable::Due& due) {
  RunRecord run = NewRun(due, RunState::kSkipped);
  parts_.book.Begin(run);
  parts_.book.End(run, RunState::kSkipped, "the pipeline is paused");
}

void ScheduledPipeline::RunOnce(RunRecord run, std::stop_token stop) {
  parts_.book.Begin(run);
  // Ends with the program's stop and with a pause.
  const EitherStop either(stop, parts_.pauses.WhileActive(job_.pipeline));
  Backoff backoff(WithAnEnd(job_.retry));
  for (;;) {
    std::optional<Error> failure;
    try {
      body_(run, either.token());
    } catch (...) {
      failure = AsError(std::current_exception());
    }
    if (stop.stop_requested()) return parts_.book.End(run, RunState::kCancelled);
    if (either.token().stop_requested()) return parts_.book.End(run, RunState::kPaused);
    if (!failure) {
      parts_.book.End(run, RunState::kDone);
      parts_.incidents.Over(job_.pipeline, job_.kind);
      if (job_.kind == "sync") {  // what stopped either half before is over, too
        for (const char* half : {"capture", "apply"}) parts_.incidents.Over(job_.pipeline, half);
      }
      return;
    }
    if (!failure->may_go_away() || backoff.exhausted()) {
      parts_.logger.Error("run failed pipeline={} kind={} retries={} error=\"{}\" hint=\"{}\"",
                          job_.pipeline, job_.kind, backoff.tries(), failure->message(),
                          failure->hint());
      parts_.book.End(run, RunState::kFailed, failure->message());
      parts_.incidents.Failed(job_.pipeline, job_.kind, *failure);
      return;
    }
    const Microseconds wait = backoff.Next();
    parts_.logger.Warn("run will be tried again pipeline={} kind={} try={} wait_ms={} error=\"{}\"",
                       job_.pipeline, job_.kind, backoff.tries(), wait.count() / 1000,
                       failure->message());
    run.error = failure->message();
    parts_.book.Update(run);
    parts_.clock.Sleep(wait, either.token());
  }
}

}  // namespace syncline::cli
