#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/stop_grace.h"

namespace syncline::cli {

// A Unix socket, or a connection over one. Owns the descriptor; moves only. Reading and writing are
// bounded in size and time, because who is at the other end is not known. Threads: one at a time.
class LocalSocket {
 public:
  // Listens at the path, which only this user may connect to; what was left there by a process that
  // died is replaced, so the caller must be the only one to do this. The path may be of any length
  // (the kernel's own limit is 107 bytes). Throws EnvironmentError, also when the folder is
  // somebody else's.
  static LocalSocket Listen(const std::filesystem::path& path);
  // Nothing if nobody listens there. Throws EnvironmentError when this user may not connect, or
  // when it is somebody else than this user or root who listens; RetryError when who listens takes
  // nobody.
  static std::optional<LocalSocket> Connect(const std::filesystem::path& path);

  LocalSocket(LocalSocket&& other) noexcept;
  LocalSocket& operator=(LocalSocket&&) = delete;
  ~LocalSocket();

  int fd() const { return fd_; }
  // Of a listening one; nothing if nobody has come. Users other than this one and root are turned
  // away: that looks as if they had not come.
  std::optional<LocalSocket> Accept() const;

  // Up to a newline, which is left out; nothing when the other end closes, is silent for too long,
  // or sends more than `bytes_max`, and when the grace of `stop` is over (null: never).
  std::optional<std::string> ReadLine(size_t bytes_max, Microseconds timeout,
                                      const StopGrace* stop = nullptr) const;
  // With a newline; false when the other end is gone, or does not take it in time.
  bool WriteLine(std::string_view line, Microseconds timeout) const;

 private:
  explicit LocalSocket(int fd) : fd_(fd) {}

  int fd_;  // negative: moved from
};

}  // namespace syncline::cli
