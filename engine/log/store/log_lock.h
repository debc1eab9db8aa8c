#pragma once

#include <rocksdb/env.h>
#include <rocksdb/status.h>

#include <filesystem>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/file.h"

namespace syncline {

// The lock of a log's writer, taken without opening the store. Held until this goes. Private to
// engine/log. Threads: one.
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

// Keeps a log's folder from other writers that know it by another name, as by a symbolic link. The
// store's own lock is no help there: it belongs to a process and goes by the name, and a second one
// in the same process would even end the first. Held until this goes. Private to engine/log.
class FolderHold {
 public:
  // Throws EnvironmentError, with the holder's process, when a writer has it. The folder is there.
  // On a file system that knows no such locks it holds nothing.
  explicit FolderHold(const std::filesystem::path& folder);

 private:
  const file::Descriptor folder_;
};

// What RocksDB's status means when it is that of a lock which somebody else has.
std::optional<Error> LockedError(const rocksdb::Status& status,
                                 const std::filesystem::path& folder);

}  // namespace syncline
