#pragma once

#include <filesystem>
#include <utility>

// The few file operations that need more than the standard library has.
namespace syncline::file {

// Owns a file descriptor, which may be negative: none. Neither copied nor moved; belongs to one
// thread.
class Descriptor {
 public:
  // As open(2) with O_CLOEXEC; get() is negative if it failed, and errno says why.
  Descriptor(const std::filesystem::path& path, int flags, int mode = 0);
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  int get() const { return fd_; }
  // The caller owns it from here on.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Makes what was created or renamed in a folder durable. Throws EnvironmentError.
void SyncFolder(const std::filesystem::path& folder);

// The same for a file's content, or a folder's. Throws EnvironmentError.
void Sync(const std::filesystem::path& path);

}  // namespace syncline::file
