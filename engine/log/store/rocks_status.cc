#include "engine/log/store/rocks_status.h"

#include <string>

#include "engine/base/as_error.h"
#include "engine/log/log_damage.h"

namespace syncline {
namespace {

bool Mentions(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

Error FromIoError(const rocksdb::Status& status, std::string message) {
  if (status.IsPathNotFound()) return LogDamage(std::move(message));
  if (status.subcode() == rocksdb::Status::kNoSpace ||
      status.subcode() == rocksdb::Status::kSpaceLimit) {
    return RetryError(std::move(message), "the disk is full: make room, then it goes on by itself");
  }
  // RocksDB has no code for these; the words are strerror's.
  if (Mentions(message, "Permission denied") || Mentions(message, "Operation not permitted")) {
    return EnvironmentError(std::move(message),
                            "give the user that runs syncline read and write access to the folder");
  }
  if (Mentions(message, "Read-only file system")) {
    return EnvironmentError(std::move(message), "put the log on a file system that can be written");
  }
  if (Mentions(message, "Too many open files")) {
    return RetryError(std::move(message), std::string(kFilesHint));
  }
  if (Mentions(message, "Cannot allocate memory")) {
    return RetryError(std::move(message), std::string(kMemoryHint));
  }
  if (status.severity() >= rocksdb::Status::kFatalError) {
    return EnvironmentError(
        std::move(message),
        "check the disk (dmesg), then start again: what was acknowledged is still in the log");
  }
  return RetryError(std::move(message), "check the disk and the folder");
}

}  // namespace

Error ToError(const rocksdb::Status& status, std::string_view doing) {
  std::string message = std::string(doing) + ": " + status.ToString();
  switch (status.code()) {
    case rocksdb::Status::kCorruption:
      return LogDamage(std::move(message));
    case rocksdb::Status::kIOError:
      return FromIoError(status, std::move(message));
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTimedOut:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kIncomplete:
    case rocksdb::Status::kAborted:
      return RetryError(std::move(message));
    case rocksdb::Status::kShutdownInProgress:
      return RestartError(std::move(message));
    default:
      return StopError(std::move(message));
  }
}

void ThrowIfBad(const rocksdb::Status& status, std::string_view doing) {
  if (!status.ok()) throw ToError(status, doing);
}

}  // namespace syncline
