#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "engine/base/clock.h"
#include "engine/log/log_catalog.h"

namespace syncline::cli {

// Notes beside a log how far its capture has come with the source, for `status` in other processes.
// Knows what earlier captures have noted. Belongs to the capture's thread.
class PollNotes {
 public:
  // From now on this process captures into `log`, which is the log `id`.
  PollNotes(const LogPlace& log, const LogId& id, const Clock& clock);
  PollNotes(const PollNotes&) = delete;
  PollNotes& operator=(const PollNotes&) = delete;

  // For CaptureOptions; borrows this.
  std::function<void(std::optional<WallTime> polled, uint64_t loading)> Noting();

 private:
  const std::unique_ptr<PollNoteWriter> writer_;  // null: it cannot be written
  PollNote note_;
};

}  // namespace syncline::cli
