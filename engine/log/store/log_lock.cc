#include "engine/log/store/log_lock.h"

#include <fmt/format.h>

#include <string>

#include "engine/log/folder/log_folder.h"
#include "engine/log/store/private_env.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {

// RocksDB tells a taken lock only by its message, and differently for a lock of this very process.
std::optional<Error> LockedError(const rocksdb::Status& status,
                                 const std::filesystem::path& folder) {
  const std::string text = status.ToString();
  constexpr char kHint[] = "a log has one writer: stop the other one first";
  if (!status.IsIOError()) return {};
  if (text.find("lock hold by current process") != std::string::npos) {
    return EnvironmentError(
        fmt::format("the log in {} is locked by another writer in this process", folder.string()),
        kHint);
  }
  if (text.find("While lock file") == std::string::npos) return {};
  const std::optional<pid_t> holder = log_folder::LockHolder(folder);
  return EnvironmentError(
      fmt::format("the log in {} is locked by another writer{}", folder.string(),
                  holder ? fmt::format(" (process {})", *holder) : std::string()),
      kHint);
}

LogLock::LogLock(const std::filesystem::path& folder) {
  const rocksdb::Status status = rocks::PrivateEnv()->LockFile(folder / "LOCK", &lock_);
  if (std::optional<Error> locked = LockedError(status, folder)) throw *std::move(locked);
  ThrowIfBad(status, fmt::format("locking the log in {}", folder.string()));
}

LogLock::~LogLock() { rocks::PrivateEnv()->UnlockFile(lock_).PermitUncheckedError(); }

}  // namespace syncline
