#include "engine/log/log_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "engine/base/error.h"

namespace syncline::log_folder {
namespace {

namespace fs = std::filesystem;

constexpr char kPermissionHint[] =
    "give the user that runs syncline read and write access to the folder, or choose another one "
    "under `log:`";

// What RocksDB puts into a folder before the file CURRENT makes it a store.
bool IsLeftover(const std::string& name) {
  return name == "LOCK" || name == "IDENTITY" || name.starts_with("LOG") ||
         name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-") || name.ends_with(".dbtmp");
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

void SyncFolder(const fs::path& folder) {
  const Descriptor descriptor(folder, O_RDONLY | O_DIRECTORY);
  // Some file systems cannot sync a folder (EINVAL); they have nothing to lose either.
  if (descriptor.get() < 0 || (::fsync(descriptor.get()) != 0 && errno != EINVAL)) {
    throw EnvironmentError("syncing the folder " + folder.string() + ": " + std::strerror(errno));
  }
}

}  // namespace

State Inspect(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) return State::kAbsent;
  if (!error && !fs::is_directory(status)) {
    throw EnvironmentError(folder.string() + " is not a folder",
                           "choose another folder under `log:`");
  }
  bool foreign = false;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name == "CURRENT") return State::kStore;
    if (!IsLeftover(name)) foreign = true;
  }
  if (error) {
    throw EnvironmentError("looking into the folder " + folder.string() + ": " + error.message(),
                           kPermissionHint);
  }
  return foreign ? State::kOther : State::kAbsent;
}

void Make(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::absolute(folder, error).lexically_normal();
  std::vector<fs::path> made;  // deepest first
  for (fs::path at = whole; !fs::exists(at, error) && !error; at = at.parent_path()) {
    made.push_back(at);
  }
  if (!error) fs::create_directories(whole, error);
  if (error) {
    throw EnvironmentError("making the folder " + folder.string() + ": " + error.message(),
                           kPermissionHint);
  }
  for (const fs::path& path : made) SyncFolder(path.parent_path());
}

std::optional<pid_t> LockHolder(const fs::path& folder) {
  const Descriptor descriptor(folder / "LOCK", O_RDWR);
  if (descriptor.get() < 0) return {};
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(descriptor.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0) {
    return {};
  }
  return lock.l_pid;
}

}  // namespace syncline::log_folder
