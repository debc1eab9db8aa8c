#pragma once

#include "engine/log/capture_log.h"
#include "engine/log/log_admin.h"
#include "engine/log/log_readers.h"
#include "engine/log/prepared_appends.h"

namespace syncline {

// A persistent, append-only change log that is open for writing: everything that can be done with
// one, for who opens it. Others are handed the part that they need:
//
//   CaptureLog       capture: appends frames, moves the cursor, asks what is logged (KeyIndex)
//   LogReaders       apply, tools: reads frames as they come
//   PreparedAppends  two directions: frames that wait for a target's transaction
//   LogAdmin         retention, backup, numbers
//
// There is one writer of a log, in the process and on the machine; opening another one throws
// EnvironmentError. All parts are of one log: what one of them appends the others tell about. Their
// comments say from which threads they may be called.
class ChangeLog : public CaptureLog, public LogReaders, public PreparedAppends, public LogAdmin {
 public:
  ChangeLog(const ChangeLog&) = delete;
  ChangeLog& operator=(const ChangeLog&) = delete;
  // No reader and no retention may be left.
  virtual ~ChangeLog() = default;

 protected:
  ChangeLog() = default;
};

}  // namespace syncline
