#pragma once

#include <cstdint>
#include <optional>

#include "engine/base/clock.h"

namespace syncline {

// How far the capture that writes a log has come with its source. Plain value type.
struct PollNote {
  WallTime started;                // this capture began
  std::optional<WallTime> polled;  // the last completed poll began then; by an earlier capture, too
  uint64_t loading = 0;            // tables that are read for the first time

  bool operator==(const PollNote&) const = default;
};

// Notes beside a log how far its capture has come, after each poll, also after polls that found
// nothing: so other processes know how old the log's picture of the source is. The note is for
// people and monitoring; nothing that a sync has to be right about depends on it.
//
// Threads: one. Errors: none; a failure leaves the old note, or none.
class PollNoteWriter {
 public:
  PollNoteWriter(const PollNoteWriter&) = delete;
  PollNoteWriter& operator=(const PollNoteWriter&) = delete;
  virtual ~PollNoteWriter() = default;

  virtual void Write(const PollNote& note) noexcept = 0;

 protected:
  PollNoteWriter() = default;
};

}  // namespace syncline
