#include "tools/run_recorder.h"

#include <optional>
#include <utility>

namespace syncline::cli {
namespace {

// Empty polls alone are no work.
bool Moved(const RunCounts& now, const RunCounts& before) {
  RunCounts work = now - before;
  work.polls = 0;
  return work != RunCounts();
}

}  // namespace

RunRecorder::RunRecorder(std::vector<Subject> subjects, StageWatch& watch, RunBook& book,
                         Incidents& incidents)
    : watch_(watch), book_(book), incidents_(incidents) {
  for (Subject& subject : subjects) {
    Watched& watched = watched_.emplace_back();
    watched.subject = std::move(subject);
    watched.looked = book_.clock().Now();
    watched.run.state = RunState::kIdle;
  }
}

void RunRecorder::Run(std::stop_token stop) {
  SystemClock clock;
  while (clock.Sleep(kLookEvery, stop)) Look();
}

void RunRecorder::Look() {
  const Activity activity = watch_.Counts();
  for (Watched& watched : watched_) LookAt(watched, activity);
  incidents_.Look();
}

RunCounts RunRecorder::CountsOf(const Subject& subject, const Activity& activity) {
  RunCounts counts;
  const auto capture = activity.captures.find(subject.source);
  if (capture != activity.captures.end()) {
    counts.polls = capture->second.polls;
    counts.captured = capture->second.changes_logged;
  }
  const auto apply = activity.applies.find(subject.pipeline);
  if (apply != activity.applies.end()) {
    counts.applied = apply->second.changes;
    counts.written = apply->second.rows_written;
    counts.newer = apply->second.rows_newer;
    counts.conflicts = apply->second.conflicts;
    counts.refused = apply->second.refused;
  }
  return counts;
}

void RunRecorder::LookAt(Watched& watched, const Activity& activity) {
  const RunCounts counts = CountsOf(watched.subject, activity);
  const Microseconds now = book_.clock().Monotonic();
  const std::string& pipeline = watched.subject.pipeline;
  const auto trouble = incidents_.TroubleOf(pipeline);
  const bool moved = Moved(counts, watched.seen);
  watched.seen = counts;
  if (moved) {
    if (!watched.run.open()) BeginRun(watched);
    watched.moved = now;
  }
  if (watched.run.open()) {
    watched.run.counts = counts - watched.noted;
    if (trouble && now - watched.moved >= Incidents::kPatience) {
      EndRun(watched, RunState::kFailed, *trouble);
      watched.has_noted_failure = true;
    } else if (!trouble && (now - watched.moved >= kQuiet || now - watched.began >= kLongest)) {
      EndRun(watched, RunState::kDone, {});
    } else if (moved) {
      book_.Update(watched.run);
    }
  }
  if (trouble) {
    NoteTrouble(watched, *trouble, activity);
  } else {
    NoteRecovery(watched, activity);
  }
  const auto apply = activity.applies.find(pipeline);
  if (apply != activity.applies.end()) incidents_.Refusing(pipeline, apply->second.parked);
  watched.looked = book_.clock().Now();
}

// A stage that has stopped, or is told as failed, has no more to say: its run is Failed now.
void RunRecorder::NoteTrouble(Watched& watched, const std::string& trouble,
                              const Activity& activity) {
  watched.captures = watched.applies = false;
  const auto capture = activity.captures.find(watched.subject.place);
  if (capture != activity.captures.end()) watched.polls = capture->second.polls;
  const auto apply = activity.applies.find(watched.subject.pipeline);
  if (apply != activity.applies.end()) {
    watched.batches = apply->second.batches;
    watched.idles = apply->second.idles;
  }
  if (!incidents_.HasFailed(watched.subject.pipeline)) return;
  if (std::exchange(watched.has_noted_failure, true)) return;
  if (!watched.run.open()) BeginRun(watched);
  EndRun(watched, RunState::kFailed, trouble);
}

// What went wrong before, maybe in an earlier process, is over once the same work is done.
void RunRecorder::NoteRecovery(Watched& watched, const Activity& activity) {
  watched.has_noted_failure = false;
  const std::string& pipeline = watched.subject.pipeline;
  const auto capture = activity.captures.find(watched.subject.place);
  const auto apply = activity.applies.find(pipeline);
  if (!watched.captures && capture != activity.captures.end() &&
      capture->second.polls > watched.polls) {
    watched.captures = true;
    incidents_.Over(pipeline, "capture");
    incidents_.Over(pipeline, "sync");
  }
  const bool has_applied =
      apply != activity.applies.end() &&
      (apply->second.batches > watched.batches || apply->second.idles > watched.idles);
  if (!watched.applies && has_applied) {
    watched.applies = true;
    incidents_.Over(pipeline, "apply");
  }
}

void RunRecorder::BeginRun(Watched& watched) {
  watched.run = {};
  watched.run.pipeline = watched.subject.pipeline;
  watched.run.kind = watched.subject.kind;
  watched.run.started = watched.looked;
  watched.began = book_.clock().Monotonic();
  watched.has_run = true;
  book_.Begin(watched.run);
}

void RunRecorder::EndRun(Watched& watched, RunState state, const std::string& error) {
  book_.End(watched.run, state, error);
  watched.noted = watched.seen;
}

void RunRecorder::Finish(RunState state, bool note_empty) {
  Look();
  const Activity activity = watch_.Counts();
  for (Watched& watched : watched_) {
    const auto capture = activity.captures.find(watched.subject.place);
    const bool is_loading = capture != activity.captures.end() && capture->second.loads_left > 0;
    const auto trouble = incidents_.TroubleOf(watched.subject.pipeline);
    const bool is_news = trouble && !watched.has_noted_failure;
    const bool is_worth_a_run = is_news || is_loading || (note_empty && !watched.has_run);
    if (!watched.run.open() && is_worth_a_run) BeginRun(watched);
    if (!watched.run.open()) continue;
    watched.run.counts = watched.seen - watched.noted;
    const RunState end = is_loading ? RunState::kCancelled : state;
    EndRun(watched, trouble ? RunState::kFailed : end, trouble.value_or(""));
  }
}

}  // namespace syncline::cli
