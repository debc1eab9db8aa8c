#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apply/state/progress.h"

namespace syncline::apply {

// How far an output of lines is. A plain value type.
struct LinesPosition {
  Progress at;
  bool cut_open = false;  // the lines before end inside of a cut
};

// Where lines go, and how far the pipeline is that writes them. Lines count once Commit has said
// so; what lies beyond may be taken back.
//
// Call order: Open; position and Begin; then Write, any number of times, and Commit, again and
// again. After an exception only Close, and then Open.
//
// Threads: one at a time.
//
// Errors: UsageError where the output and its position do not belong together, RetryError for a
// full disk, EnvironmentError and StopError for what a person has to do something about.
class LinesOutput {
 public:
  LinesOutput() = default;
  LinesOutput(const LinesOutput&) = delete;
  LinesOutput& operator=(const LinesOutput&) = delete;
  virtual ~LinesOutput() = default;

  virtual const std::string& name() const = 0;  // "jsonl:path", for people; from any thread

  virtual void Open() = 0;
  virtual void Close() noexcept = 0;
  virtual bool is_open() const = 0;

  // None: nothing was committed yet.
  virtual const std::optional<LinesPosition>& position() const = 0;
  // Takes back what was written and not committed.
  virtual void Begin() = 0;
  virtual void Write(std::string_view lines) = 0;
  // What was written stays, and the position is `to`; survives a power cut where anything does.
  // With `is_part` the lines since the last Commit without it are still to be taken back by Begin.
  virtual void Commit(const LinesPosition& to, bool is_part) = 0;
};

}  // namespace syncline::apply
