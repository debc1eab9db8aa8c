#include "engine/log/store/log_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "engine/log/folder/log_folder.h"
#include "engine/log/store/private_env.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

constexpr char kLockedHint[] = "a log has one writer: stop the other one first";
constexpr std::chrono::milliseconds kPatience{1'000};

Error LockedByThisProcess(const std::filesystem::path& folder) {
  return EnvironmentError(
      fmt::format("the log in {} is locked by another writer in this process", folder.string()),
      kLockedHint);
}

Error LockedBy(const std::filesystem::path& folder, std::optional<pid_t> holder) {
  return EnvironmentError(
      fmt::format("the log in {} is locked by another writer{}", folder.string(),
                  holder ? fmt::format(" (process {})", *holder) : std::string()),
      kLockedHint);
}

// The process that has locked the folder, as /proc/locks tells it: "1: FLOCK ADVISORY WRITE 4711
// fe:01:123456 0 EOF".
std::optional<pid_t> FolderHolder(int folder) {
  struct stat status = {};
  if (::fstat(folder, &status) != 0) return {};
  const std::string inode = fmt::format(":{}", status.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, mode, access, place;
    pid_t holder = 0;
    if (words >> number >> kind >> mode >> access >> holder >> place && kind == "FLOCK" &&
        place.ends_with(inode) && holder > 0) {
      return holder;
    }
  }
  return {};
}

}  // namespace

// RocksDB tells a taken lock only by its message, and differently for a lock of this very process.
std::optional<Error> LockedError(const rocksdb::Status& status,
                                 const std::filesystem::path& folder) {
  const std::string text = status.ToString();
  if (!status.IsIOError()) return {};
  if (text.find("lock hold by current process") != std::string::npos) {
    return LockedByThisProcess(folder);
  }
  if (text.find("While lock file") == std::string::npos) return {};
  return LockedBy(folder, log_folder::LockHolder(folder));
}

LogLock::LogLock(const std::filesystem::path& folder) {
  const rocksdb::Status status = rocks::PrivateEnv()->LockFile(folder / "LOCK", &lock_);
  if (std::optional<Error> locked = LockedError(status, folder)) throw *std::move(locked);
  ThrowIfBad(status, fmt::format("locking the log in {}", folder.string()));
}

FolderHold::FolderHold(const std::filesystem::path& folder)
    : folder_(folder, O_RDONLY | O_DIRECTORY) {
  using Clock = std::chrono::steady_clock;
  if (folder_.get() < 0) {
    throw EnvironmentError(
        fmt::format("opening the folder {}: {}", folder.string(), std::strerror(errno)),
        "give the user that runs syncline read and write access to the folder");
  }
  const Clock::time_point until = Clock::now() + kPatience;
  while (::flock(folder_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return;
    const std::optional<pid_t> holder = FolderHolder(folder_.get());
    if (holder && *holder != ::getpid()) throw LockedBy(folder, holder);
    // A child process that is being started has a copy of every descriptor for a moment.
    if (Clock::now() >= until) throw holder ? LockedByThisProcess(folder) : LockedBy(folder, {});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

LogLock::~LogLock() { rocks::PrivateEnv()->UnlockFile(lock_).PermitUncheckedError(); }

}  // namespace syncline
