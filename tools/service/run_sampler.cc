#include "tools/service/run_sampler.h"

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

RunSampler::RunSampler(std::vector<Subject> subjects, StageWatch& watch, BestEffortStateStore& book,
                       Incidents& incidents)
    : watch_(watch), book_(book), incidents_(incidents) {
  for (Subject& subject : subjects) {
    Watched& watched = watched_.emplace_back();
    watched.subject = std::move(subject);
    watched.looked = book_.clock().Now();
    watched.run.state = RunState::kIdle;
  }
}

void RunSampler::Run(std::stop_token stop) {
  SystemClock clock;
  while (clock.Sleep(kLookEvery, stop)) Look();
}

void RunSampler::Look() {
  const Activity activity = watch_.Counts();
  for (Watched& watched : watched_) LookAt(watched, activity);
  incidents_.Look();
}

RunCounts RunSampler::CountsOf(const Subject& subject, const Activity& activity) {
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

void RunSampler::LookAt(Watched& watched, const Activity& activity) {
  const RunCounts counts = CountsOf(watched.subject, activity);
  const Microseconds now = book_.clock().Monotonic();
  const std::string& pipeline = watched.subject.pipeline;
  const auto trouble = incidents_.TroubleOf(pipeline);
  const bool moved = Moved(counts, watched.seen);
  watched.seen = counts;
  const bool has_failed = trouble && incidents_.HasFailed(pipeline);
  if (moved) {
    // What others of the same source make move is no run of one that has failed.
    if (!watched.run.open() && !has_failed) BeginRun(watched);
    watched.moved = now;
  }
  if (watched.run.open()) {
    watched.run.counts = counts - watched.noted;
    if (trouble && now - watched.moved >= Incidents::kPatience) {
      EndRun(watched, RunState::kFailed, *trouble);
      watched.noted_failure = *trouble;
    } else if (!trouble && (now - watched.moved >= kQuiet || now - watched.began >= kLongest)) {
      EndRun(watched, RunState::kDone, {});
    } else if (moved) {
      book_.Update(watched.run);
    }
  }
  if (has_failed) NoteFailure(watched, *trouble);
  if (!trouble) watched.noted_failure.reset();
  NoteRecovery(watched, activity);
  CountRows(watched.subject, activity);
  watched.looked = book_.clock().Now();
}

// A stage that has stopped, or is told as failed, has no more to say: its run is Failed now. One
// that then fails in another way has another run only if something was done in between.
void RunSampler::NoteFailure(Watched& watched, const std::string& trouble) {
  const bool is_known = watched.noted_failure.has_value();
  if (!watched.run.open() && watched.noted_failure == trouble) return;
  watched.noted_failure = trouble;
  if (!watched.run.open() && is_known && !Moved(watched.seen, watched.noted)) {
    watched.run.error = trouble;
    return book_.Update(watched.run);
  }
  if (!watched.run.open()) BeginRun(watched);
  watched.run.counts = watched.seen - watched.noted;
  EndRun(watched, RunState::kFailed, trouble);
}

// What went wrong before, maybe in an earlier process, is over once the same work is done.
void RunSampler::NoteRecovery(Watched& watched, const Activity& activity) {
  const std::string& pipeline = watched.subject.pipeline;
  const auto capture = activity.captures.find(watched.subject.place);
  const uint64_t polls = capture == activity.captures.end() ? 0 : capture->second.polls;
  if (incidents_.IsInTrouble(pipeline, "capture")) {
    watched.captures = false;
    watched.polls = polls;
  } else if (!watched.captures && polls > watched.polls) {
    watched.captures = true;
    incidents_.Over(pipeline, "capture");
    incidents_.Over(pipeline, "sync");
  }
  const auto apply = activity.applies.find(pipeline);
  const bool is_known = apply != activity.applies.end();
  const uint64_t batches = is_known ? apply->second.batches : 0;
  const uint64_t idles = is_known ? apply->second.idles : 0;
  if (incidents_.IsInTrouble(pipeline, "apply")) {
    watched.applies = false;
    watched.batches = batches;
    watched.idles = idles;
  } else if (!watched.applies && (batches > watched.batches || idles > watched.idles)) {
    watched.applies = true;
    incidents_.Over(pipeline, "apply");
  }
}

// A table that is being loaded has yet to meet the rows that it sets aside.
void RunSampler::CountRows(const Subject& subject, const Activity& activity) {
  const auto apply = activity.applies.find(subject.pipeline);
  if (apply != activity.applies.end() && apply->second.parked) {
    incidents_.Refusing(subject.pipeline, *apply->second.parked);
  }
  const auto capture = activity.captures.find(subject.source);
  if (capture == activity.captures.end() || !capture->second.knows_set_aside) return;
  const uint64_t rows = capture->second.RowsSetAside(subject.tables);
  const bool loads = capture->second.loads_running > 0 || capture->second.loads_left > 0;
  if (rows > 0 || !loads) incidents_.LeavingOut(subject.pipeline, rows);
}

void RunSampler::BeginRun(Watched& watched) {
  watched.run = {};
  watched.run.pipeline = watched.subject.pipeline;
  watched.run.kind = watched.subject.kind;
  watched.run.started = watched.looked;
  watched.began = book_.clock().Monotonic();
  watched.has_run = true;
  book_.Begin(watched.run);
}

void RunSampler::EndRun(Watched& watched, RunState state, const std::string& error) {
  book_.End(watched.run, state, error);
  watched.noted = watched.seen;
}

void RunSampler::Finish(RunState state, bool note_empty) {
  Look();
  const Activity activity = watch_.Counts();
  for (Watched& watched : watched_) {
    const auto capture = activity.captures.find(watched.subject.place);
    const bool is_loading = capture != activity.captures.end() && capture->second.loads_left > 0;
    const auto trouble = incidents_.TroubleOf(watched.subject.pipeline);
    const bool is_news = trouble && !watched.noted_failure;
    const bool is_worth_a_run = is_news || is_loading || (note_empty && !watched.has_run);
    if (!watched.run.open() && is_worth_a_run) BeginRun(watched);
    if (!watched.run.open()) continue;
    watched.run.counts = watched.seen - watched.noted;
    const RunState end = is_loading ? RunState::kCancelled : state;
    EndRun(watched, trouble ? RunState::kFailed : end, trouble.value_or(""));
  }
}

}  // namespace syncline::cli
