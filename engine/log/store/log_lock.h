#pragma once

#include <rocksdb/env.h>
#include <rocksdb/status.h>

#include <filesystem>
#include <optional>

#include "engine/base/error.h"

namespace syncline {

// The lock of a log's writer, taken without opening the store. Held until this goes. Private to
// engine/log.
class LogLock {
 public:
  // Throws EnvironmentError, with the holder's process, when a writer has it. The folder is there.
  explicit LogLock(const std::filesystem::path& folder);
  ~LogLock();
  LogLock(const LogLock&) = delete;
  LogLock& operator=(const LogLock&) = delete;

 private:
  rocksdb::FileLock* lock_ = nullptr;
};

// What RocksDB's status means when it is that of a lock which somebody else has.
std::optional<Error> LockedError(const rocksdb::Status& status,
                                 const std::filesystem::path& folder);

}  // namespace syncline
