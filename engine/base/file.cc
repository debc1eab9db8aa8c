#include "engine/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"

namespace syncline::file {

Descriptor::Descriptor(const std::filesystem::path& path, int flags, int mode)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

void SyncFolder(const std::filesystem::path& folder) { Sync(folder); }

void Sync(const std::filesystem::path& path) {
  const Descriptor descriptor(path, O_RDONLY);
  // Some file systems cannot sync a folder (EINVAL); they have nothing to lose either.
  if (descriptor.get() < 0 || (::fsync(descriptor.get()) != 0 && errno != EINVAL)) {
    throw EnvironmentError("syncing " + path.string() + ": " + std::strerror(errno));
  }
}

}  // namespace syncline::file
