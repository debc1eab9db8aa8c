#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"

namespace syncline::cli {

// Where a run is, or a pipeline.
enum class RunState {
  kIdle,        // a pipeline between two runs
  kQueued,      // due, waits for the poll of its source
  kInProgress,  // at work
  kDone,
  kFailed,
  kCancelled,  // the program was stopped before it was through; the next run goes on from there
  kSkipped,    // due, and not run
  kPaused,     // the pipeline was paused before it was through
};

std::string_view RunStateName(RunState state);  // "Idle" ...
// Nothing for a name that is none.
std::optional<RunState> RunStateOf(std::string_view name);

// What a run has done.
struct RunCounts {
  uint64_t polls = 0;      // of the source, also those that found nothing
  uint64_t captured = 0;   // changes that came into the log
  uint64_t applied = 0;    // changes that were read from the log and are committed in the target
  uint64_t written = 0;    // rows of the target
  uint64_t newer = 0;      // "existing row is newer, skipped"
  uint64_t conflicts = 0;  // decided
  uint64_t refused = 0;    // changes that were parked

  RunCounts operator-(const RunCounts& other) const;
  bool operator==(const RunCounts&) const = default;
};

// One run of one pipeline. Plain value type.
struct RunRecord {
  int64_t id = 0;  // grows
  std::string pipeline;
  std::string kind;  // "sync", "capture", "apply", "verify"
  RunState state = RunState::kInProgress;
  WallTime started;
  std::optional<WallTime> ended;
  std::optional<WallTime> scheduled;  // when it was due; none: it was not by the clock
  uint64_t missed = 0;                // times that it was due before, and that it makes up for
  RunCounts counts;
  std::string error;

  bool open() const { return state == RunState::kQueued || state == RunState::kInProgress; }
};

// "synced 12 rows, 3 existing rows newer, skipped", or the error.
std::string Outcome(const RunRecord& run);

}  // namespace syncline::cli
