#pragma once

#include <string>

#include "engine/base/offset.h"
#include "engine/log/frame_draft.h"
#include "engine/log/log_info.h"

namespace syncline {

// A log as its capture sees it: where it ends, the cursor, and how both move on.
//
// Contract: a frame is durable when Append returns, its changes and its cursor in one write
// (invariant 1), and the log's KeyIndex tells about it. Offsets are dense and frames are chained by
// hash (invariant 2).
//
// Call order: any. A frame without `closes_cut` opens a cut, which the next frame with it closes.
//
// Threads: all calls come from the log's writing thread, of which a log has one.
//
// Errors: after an Error from Append nothing of the frame is in the log, or all of it is. The log
// stays usable: its next call looks what is there. It goes on if the frame is not there (the disk
// has room again), and throws an Error of reaction kRestart if the frame is there after all;
// cursor() and next() are right again then.
class LogAppender {
 public:
  virtual const LogInfo& info() const = 0;
  // The offset that the next change will get.
  virtual Offset next() const = 0;
  // The last cursor that was appended or saved; empty for a new log.
  virtual const std::string& cursor() const = 0;
  // True when the last frame did not close its cut: the process died, or is, in the middle of one.
  virtual bool cut_open() const = 0;

  // Writes one frame; the offset of its first change.
  virtual Offset Append(FrameDraft draft) = 0;
  // Remembers a cursor without a frame, after a poll that found nothing. Not synced: a crash may
  // take it back to an earlier one, which only makes the next poll read a little more.
  virtual void SaveCursor(std::string cursor) = 0;

 protected:
  ~LogAppender() = default;
};

}  // namespace syncline
