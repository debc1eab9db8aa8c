#include "engine/log/file.h"

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

void SyncFolder(const std::filesystem::path& folder) {
  const Descriptor descriptor(folder, O_RDONLY | O_DIRECTORY);
  // Some file systems cannot sync a folder (EINVAL); they have nothing to lose either.
  if (descriptor.get() < 0 || (::fsync(descriptor.get()) != 0 && errno != EINVAL)) {
    throw EnvironmentError("syncing the folder " + folder.string() + ": " + std::strerror(errno));
  }
}

}  // namespace syncline::file
