#include "tools/history/living_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"
#include "engine/base/private_folder.h"

namespace syncline::cli {
namespace {

struct flock ByteAt(int64_t number) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = number;
  lock.l_len = 1;
  return lock;
}

}  // namespace

LivingProcess::LivingProcess(const std::filesystem::path& file) : file_(OpenPrivateFile(file)) {
  if (file_ < 0) {
    throw EnvironmentError(fmt::format("opening {}: {}", file.string(), std::strerror(errno)),
                           "the user must be able to write to the folder of the logs");
  }
}

LivingProcess::~LivingProcess() { ::close(file_); }

void LivingProcess::Be(int64_t number) {
  struct flock lock = ByteAt(number);
  if (::fcntl(file_, F_OFD_SETLK, &lock) != 0) {
    throw EnvironmentError(fmt::format("locking a byte of runs.lock: {}", std::strerror(errno)),
                           "the folder of the logs must be on a file system with locks");
  }
  number_ = number;
}

bool LivingProcess::IsAlive(int64_t number) const {
  if (number == number_) return true;
  struct flock lock = ByteAt(number);
  return ::fcntl(file_, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace syncline::cli
