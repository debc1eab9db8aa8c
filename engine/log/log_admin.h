#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>

#include "engine/base/offset.h"
#include "engine/log/retention.h"
#include "engine/log/retention_policy.h"

namespace syncline {

// What a backup holds. Plain value type.
struct LogBackup {
  Offset next;                // everything before is in it
  uint64_t bytes = 0;         // of all files
  uint64_t linked_bytes = 0;  // of them, of files that it shares with the log (hard links)
};

// What a log's store has written to the disk since the log was opened, by its own account. Plain
// value type.
struct LogWriteStats {
  uint64_t wal_bytes = 0;
  uint64_t file_bytes = 0;  // flushed from memory, or written again by compaction
};

// Looks after a log that is open for writing: space, copies, numbers. What is done to a log that
// nobody writes, or beside its writer, is in LogCare.
//
// Call order: any. Threads: Backup may be called from any, the others from the writing thread.
// Errors: UsageError for what a log of this kind cannot do.
class LogAdmin {
 public:
  virtual LogWriteStats write_stats() const = 0;

  // Folds what is older than `policy` says, beside the writing thread. Must not outlive the log.
  virtual std::unique_ptr<Retention> NewRetention(const RetentionPolicy& policy) = 0;

  // Makes a copy of the log in the folder `into`, which is not there or empty; the copy holds at
  // least what was acknowledged when this began, and is a log itself. Files are linked where the
  // file system can, copied where it cannot; nothing is there under that name until all of it is.
  // Writing goes on. Throws UsageError when the folder is in use, and EnvironmentError from a stop
  // on, before the next file is begun; leaves nothing behind then.
  virtual LogBackup Backup(const std::filesystem::path& into, std::stop_token stop = {}) = 0;

 protected:
  ~LogAdmin() = default;
};

}  // namespace syncline
