#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/log/poll_note.h"
#include "tools/config/config.h"
#include "tools/history/state_store.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {

// How one pipeline is, put together from what processes leave where others can read it: the log,
// the note of the source's last poll beside it, the target's progress row, and runs.db. The only
// place that decides this; `status`, and whatever shows the same elsewhere, read it from here.

enum class HealthState {
  kInStep,      // all that was captured is in the target, and the source was polled in time
  kBehind,      // changes of the log are not in the target, or polls do not come
  kLoading,     // a first load, of the log or of the target
  kWaiting,     // for its time by the clock: its first one, or one at which it has changes to apply
  kRefusing,    // the target refuses changes, or rows stay at the source
  kPaused,      // `pause`
  kStopped,     // the program was stopped by a signal
  kFailed,      // ended by an error, or kept from going on for a minute
  kNotRunning,  // no process does its work, and none has said why
  kUnknown,     // what it depends on cannot be read
};

std::string_view HealthName(HealthState state);  // "in step" ...

// How one half of a pipeline's work is, the capture of its source or its apply.
enum class HalfState {
  kAtWork,
  kDone,     // by the last `--once`
  kStopped,  // by a signal
  kAway,     // its process has ended without a word, or there never was one
  kUnknown,
};

// What decides the state. Plain value type.
struct HealthFacts {
  bool paused = false;
  bool failed = false;
  bool readable = true;  // target, log, runs.db
  HalfState capture = HalfState::kAway;
  HalfState apply = HalfState::kAway;
  bool loading = false;
  bool waiting = false;
  uint64_t refused = 0;  // changes by the target, and rows that stay at the source
  bool behind = false;
};
HealthState StateOf(const HealthFacts& facts);

struct PipelineHealth {
  PipelineStatus status;
  // Rows of its tables that stay at the source.
  uint64_t set_aside() const { return status.too_large.size() + status.unreadable.size(); }
  HealthState state = HealthState::kUnknown;
  // In words, for states that need them: which half is away, what cannot be read.
  std::string detail;
  std::string hint;

  std::optional<WallTime> last_poll;     // when the last completed poll began
  std::optional<Microseconds> poll_age;  // of that
  // Since the first poll that should have come after that; zero: none is missing.
  std::optional<Microseconds> overdue;
  // How long the target may lack what the source has: the age of the oldest change that is not in
  // the target (by the clock: since it should have been), or `overdue`, whichever is more.
  std::optional<Microseconds> lag;

  std::optional<Incident> incident;  // the gravest that is open
  RunState run_state = RunState::kIdle;
  std::optional<RunRecord> last_run;  // the run at hand, or the last one
  std::optional<WallTime> next_run;
};

// `history`: null where runs.db is not there; `history_error`: why it cannot be read, if so. Never
// throws for what it finds. Works beside running processes.
PipelineHealth ReadPipelineHealth(const Config& config, const PipelineConfig& pipeline,
                                  StateStore* history, const std::string& history_error,
                                  Clock& clock);

// What monitoring wants to know.
enum class Verdict {
  kWell,
  kUnwell,   // it lags more than the limit, has failed or stopped, does not run, leaves out rows
  kUnknown,  // none of that is known, and what would tell cannot be read
};
Verdict Judge(const PipelineHealth& health, Microseconds lag_max);

}  // namespace syncline::cli
