#include "tools/status/pipeline_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/log/log_catalog.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

// Polls that are late by more than this do not come; a poll itself takes some time.
constexpr Microseconds kLateMost = 3s;
// A stamp that lies further ahead was not made by this clock.
constexpr Microseconds kAheadMost = 2s;

// When the source should have been polled next, had it been polled last at `last`; nothing: never.
std::optional<WallTime> NextPoll(const Config& config, const std::string& source, WallTime last) {
  std::optional<Microseconds> every;
  std::optional<WallTime> next;
  for (const PipelineConfig& pipeline : config.pipelines) {
    // In two directions a database is polled for what is applied to it, too.
    const bool reads = pipeline.from == source || (pipeline.two_way && pipeline.to == source);
    if (!reads) continue;
    if (pipeline.schedule.at) {
      const auto due = pipeline.schedule.at->Next(last);
      if (due) next = std::min(next.value_or(*due), *due);
    } else {
      every = std::min(every.value_or(pipeline.every.most), pipeline.every.most);
    }
  }
  return every ? last + *every : next;
}

HalfState HalfOf(const std::optional<Work>& work) {
  if (!work) return HalfState::kAway;
  if (work->is_alive) return HalfState::kAtWork;
  if (work->end == Work::End::kDone) return HalfState::kDone;
  return work->end == Work::End::kStopped ? HalfState::kStopped : HalfState::kAway;
}

std::string Describe(std::string_view half, HalfState state) {
  switch (state) {
    case HalfState::kStopped:
      return fmt::format("{} was stopped", half);
    case HalfState::kAway:
      return fmt::format("no process does {}", half);
    default:
      return {};
  }
}

// Of an incident: what keeps the pipeline from going on comes first.
int Gravity(const Incident& incident) {
  if (!incident.told) return 0;
  if (incident.kind == "verify") return 1;
  return incident.is_of_rows() ? 2 : 3;
}

// Of two that are as grave the later one is what goes wrong now.
bool IsGraver(const Incident& one, const Incident& other) {
  return std::pair(Gravity(one), one.since) > std::pair(Gravity(other), other.since);
}

bool IsFailure(const Incident& incident) { return Gravity(incident) == 3; }

// Puts one pipeline's health together.
class Reading {
 public:
  Reading(const Config& config, const PipelineConfig& pipeline, StateStore* history,
          std::string history_error, Clock& clock)
      : config_(config),
        pipeline_(pipeline),
        history_(history),
        history_error_(std::move(history_error)),
        now_(clock.Now()) {
    health_.status = ReadPipelineStatus(config, pipeline, clock);
  }

  PipelineHealth Read() {
    ReadHistory();
    ReadNote();
    MeasureLag();
    Decide();
    return std::move(health_);
  }

 private:
  void ReadHistory() {
    facts_.readable = history_error_.empty();
    if (history_ == nullptr) {
      if (facts_.readable) return;
      facts_.capture = facts_.apply = HalfState::kUnknown;
      return;
    }
    try {
      const std::string& name = pipeline_.name;
      capture_ = history_->WorkOf(Work::Part::kCapture, pipeline_.from);
      apply_ = history_->WorkOf(Work::Part::kApply, name);
      facts_.capture = HalfOf(capture_);
      facts_.apply = HalfOf(apply_);
      facts_.paused = history_->Paused().contains(name);
      for (Incident& incident : history_->IncidentsOf(name)) {
        facts_.failed = facts_.failed || IsFailure(incident);
        if (!health_.incident || IsGraver(incident, *health_.incident)) {
          health_.incident = std::move(incident);
        }
      }
      ReadRuns();
    } catch (const Error& error) {
      history_error_ = error.message();
      facts_.readable = false;
    }
  }

  void ReadRuns() {
    std::vector<RunRecord> runs = history_->List({pipeline_.name}, 1);
    if (!runs.empty()) health_.last_run = std::move(runs.front());
    if (health_.last_run && health_.last_run->open()) health_.run_state = health_.last_run->state;
    if (facts_.failed) health_.run_state = RunState::kFailed;
    if (facts_.paused) health_.run_state = RunState::kPaused;
    if (pipeline_.schedule.at && !facts_.paused) {
      health_.next_run = pipeline_.schedule.at->Next(now_);
    }
  }

  // A note from the future was made by another clock, or by hand: nothing is known then.
  void ReadNote() {
    const PipelineStatus& status = health_.status;
    std::optional<PollNote> note;
    if (status.log) note = config_.Log(pipeline_.from)->ReadPollNote(status.log->id);
    std::optional<WallTime> since;  // the source should be polled
    if (capture_) since = capture_->since;
    if (note) {
      since = std::max(since.value_or(note->started), note->started);
      facts_.loading = note->loading > 0 && facts_.capture == HalfState::kAtWork;
      health_.last_poll = note->polled;
    }
    if (health_.last_poll && *health_.last_poll > now_ + kAheadMost) {
      health_.last_poll.reset();
      is_from_the_future_ = true;
      return;
    }
    if (health_.last_poll) {
      health_.poll_age = std::max(Microseconds(0), now_ - *health_.last_poll);
    }
    const std::optional<WallTime> from = health_.last_poll ? health_.last_poll : since;
    if (!from) return;
    const auto next = NextPoll(config_, pipeline_.from, *from);
    health_.overdue = next ? std::max(Microseconds(0), now_ - *next) : Microseconds(0);
    // Notes that come in time are proof, also where there is no runs.db.
    if (!capture_ && health_.last_poll && *health_.overdue <= kLateMost) {
      facts_.capture = HalfState::kAtWork;
      if (!apply_) facts_.apply = HalfState::kUnknown;
    }
    const bool is_first = !health_.last_poll && facts_.capture == HalfState::kAtWork;
    facts_.loading = facts_.loading || (is_first && !pipeline_.schedule.at);
  }

  void MeasureLag() {
    const PipelineStatus& status = health_.status;
    if (!health_.overdue) return;
    // What nobody has captured yet is as old as the polls that did not come.
    if (status.state == PipelineStatus::State::kNoLog) health_.lag = health_.overdue;
    if (!status.lag) return;
    Microseconds lacking = *status.lag;
    if (pipeline_.schedule.at && status.oldest_lacking) {
      const auto due = pipeline_.schedule.at->Next(*status.oldest_lacking);
      lacking = due ? std::max(Microseconds(0), now_ - *due) : Microseconds(0);
    }
    health_.lag = std::max(lacking, *health_.overdue);
  }

  void Decide() {
    const PipelineStatus& status = health_.status;
    const bool is_trouble = status.state == PipelineStatus::State::kTrouble;
    const bool is_final = is_trouble && (status.exit_code == 2 || status.exit_code == 4);
    facts_.failed = facts_.failed || is_final;
    facts_.readable = facts_.readable && !is_trouble && !is_from_the_future_;
    facts_.refused = status.refused + health_.set_aside();
    facts_.loading = facts_.loading || status.holds == PipelineStatus::Holds::kPartOfBase;
    const bool is_late = facts_.capture == HalfState::kAtWork && health_.lag > kLateMost;
    const bool lacks = status.behind.value_or(0) > 0;
    const bool is_by_clock = pipeline_.schedule.at.has_value();
    facts_.behind = is_late || (lacks && !is_by_clock);
    facts_.waiting = is_by_clock && !is_late && (lacks || !health_.last_poll);
    health_.state = StateOf(facts_);
    Explain(is_trouble);
  }

  void Explain(bool is_trouble) {
    const PipelineStatus& status = health_.status;
    if (is_trouble) {
      health_.detail = status.trouble;
      health_.hint = status.hint;
    } else if (!history_error_.empty()) {
      health_.detail = "runs.db cannot be read: " + history_error_;
      health_.hint = "give this user the right to read and write the folder of the logs";
    } else if (is_from_the_future_) {
      health_.detail = "the last poll was noted with a time that is still to come";
      health_.hint = "look at this machine's clock; the next poll corrects the note";
    } else if (health_.state == HealthState::kNotRunning ||
               health_.state == HealthState::kStopped) {
      const std::string capture =
          Describe(fmt::format("the capture of {}", pipeline_.from), facts_.capture);
      const std::string apply = Describe("its apply", facts_.apply);
      health_.detail = capture + (capture.empty() || apply.empty() ? "" : ", ") + apply;
      if (status.state == PipelineStatus::State::kNoLog) health_.detail += "; there is no log yet";
      health_.hint = fmt::format("start it: `syncline run {}`", pipeline_.name);
    } else if (status.state == PipelineStatus::State::kUnkept) {
      health_.detail = "its lines go to stdout: how far they are only its reader knows";
    }
  }

  const Config& config_;
  const PipelineConfig& pipeline_;
  StateStore* const history_;
  std::string history_error_;
  const WallTime now_;

  PipelineHealth health_;
  HealthFacts facts_;
  std::optional<Work> capture_, apply_;
  bool is_from_the_future_ = false;
};

}  // namespace

std::string_view HealthName(HealthState state) {
  switch (state) {
    case HealthState::kInStep:
      return "in step";
    case HealthState::kBehind:
      return "behind";
    case HealthState::kLoading:
      return "loading";
    case HealthState::kWaiting:
      return "waiting";
    case HealthState::kRefusing:
      return "refusing";
    case HealthState::kPaused:
      return "paused";
    case HealthState::kStopped:
      return "stopped";
    case HealthState::kFailed:
      return "failed";
    case HealthState::kNotRunning:
      return "not running";
    case HealthState::kUnknown:
      return "unknown";
  }
  return "";
}

HealthState StateOf(const HealthFacts& facts) {
  const auto either = [&](HalfState state) {
    return facts.capture == state || facts.apply == state;
  };
  if (facts.paused) return HealthState::kPaused;
  if (facts.failed) return HealthState::kFailed;
  if (either(HalfState::kAway)) return HealthState::kNotRunning;
  if (either(HalfState::kStopped)) return HealthState::kStopped;
  if (!facts.readable) return HealthState::kUnknown;
  if (facts.loading) return HealthState::kLoading;
  if (facts.refused > 0) return HealthState::kRefusing;
  if (facts.waiting) return HealthState::kWaiting;
  return facts.behind ? HealthState::kBehind : HealthState::kInStep;
}

PipelineHealth ReadPipelineHealth(const Config& config, const PipelineConfig& pipeline,
                                  StateStore* history, const std::string& history_error,
                                  Clock& clock) {
  return Reading(config, pipeline, history, history_error, clock).Read();
}

Verdict Judge(const PipelineHealth& health, Microseconds lag_max) {
  switch (health.state) {
    case HealthState::kFailed:
    case HealthState::kStopped:
    case HealthState::kNotRunning:
    case HealthState::kRefusing:
      return Verdict::kUnwell;
    default:
      break;
  }
  const bool is_late =
      (health.lag && *health.lag > lag_max) || (health.overdue && *health.overdue > lag_max);
  const bool is_told = health.incident && health.incident->told;
  const bool lacks_rows = health.status.refused > 0 || health.set_aside() > 0;
  if (is_late || is_told || lacks_rows) return Verdict::kUnwell;
  if (health.state == HealthState::kWaiting) return Verdict::kWell;
  return health.state == HealthState::kUnknown || !health.lag ? Verdict::kUnknown : Verdict::kWell;
}

}  // namespace syncline::cli
