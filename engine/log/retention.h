#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/offset.h"

namespace syncline {

class LogEnd;
class LogReader;
class LogStore;

// What a log keeps as frames.
struct RetentionPolicy {
  std::optional<Microseconds> keep_for;  // frames younger than this
  std::optional<uint64_t> keep_bytes;    // no more than this on disk, whoever still needs them
  uint64_t rate_bytes = 32u << 20;       // of row data that may be folded in a second
  // Deletions that every consumer has seen are kept, too: in two directions an older state of the
  // row may still come from elsewhere, and must not bring it back.
  bool keep_deletions = false;
  bool operator==(const RetentionPolicy&) const = default;
};

// Folds old frames into the base, cut by cut, and gives their space back. Frames that are only too
// old wait for the slowest consumer; frames beyond keep_bytes go all the same, and a consumer that
// needed them catches up through the base. The last frame always stays.
//
// Works beside the writer, in small steps: a step puts what one frame changes into the base, in one
// write (so a crash leaves a base that is right, as of some frame), and only after the steps are
// durable does the durable mark move and are files deleted. Memory: a few frames.
//
// Made by ChangeLog::NewRetention, must not outlive the log; belongs to one thread, which is not
// the writing one. After an exception nothing is lost, and it is to be thrown away and made anew.
class Retention {
 public:
  struct Pass {
    Offset begin;         // of the frames that are left
    uint64_t frames = 0;  // folded in this pass
    uint64_t changes = 0;
    std::vector<std::string> overtaken;  // consumers that needed frames that are gone now
  };

  Retention(LogStore& store, LogEnd& end, std::unique_ptr<LogReader> reader,
            std::unique_ptr<LogReader> scout, RetentionPolicy policy, Clock& clock);
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;
  ~Retention();

  // Folds what may go by now, or until stopped. Throws as LogReader and ToError, and RetryError
  // when it cannot see who still needs the frames.
  Pass Run(std::stop_token stop);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
