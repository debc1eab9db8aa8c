#pragma once

#include "engine/log/key_index.h"
#include "engine/log/log_appender.h"

namespace syncline {

// What a capture needs of its log: it appends, and asks what is logged already. Threads: the log's
// writing thread.
class CaptureLog : public LogAppender, public KeyIndex {
 protected:
  ~CaptureLog() = default;
};

}  // namespace syncline
