#pragma once

#include <memory>

#include "engine/log/log_reader.h"

namespace syncline {

// Makes readers of a log that is open for writing in this process.
//
// Threads: any may call it; each reader belongs to one thread, which need not be the caller's.
class LogReaders {
 public:
  // Reads what the writer has acknowledged, and is woken by each Append. Must not outlive the log.
  virtual std::unique_ptr<LogReader> NewReader() = 0;

 protected:
  ~LogReaders() = default;
};

}  // namespace syncline
