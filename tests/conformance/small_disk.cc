#include "tests/conformance/small_disk.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/mount.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace syncline::test {
namespace {

constexpr char kSize[] = "size=8m";
constexpr off_t kStepBytes = 1 << 20;
constexpr char kFiller[] = "filler";

}  // namespace

bool SmallDisk::MayMount() { return ::geteuid() == 0; }

SmallDisk::SmallDisk() {
  if (::mount("tmpfs", path().c_str(), "tmpfs", 0, kSize) != 0) {
    throw std::runtime_error("cannot mount a tmpfs on " + path().string());
  }
  if (const passwd* account = ::getpwnam("postgres")) {
    if (::chown(path().c_str(), account->pw_uid, account->pw_gid) != 0) {
      throw std::runtime_error("chown failed");
    }
  }
}

SmallDisk::~SmallDisk() { ::umount2(path().c_str(), MNT_DETACH); }

void SmallDisk::Fill() {
  const int file = ::open((path() / kFiller).c_str(), O_WRONLY | O_CREAT, 0600);
  off_t size = 0;
  for (off_t step = kStepBytes; step > 0;) {
    if (::posix_fallocate(file, size, step) == 0) {
      size += step;
    } else {
      step /= 2;
    }
  }
  ::close(file);
}

void SmallDisk::Free() { std::filesystem::remove(path() / kFiller); }

}  // namespace syncline::test
