#include "tools/local_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "engine/base/error.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr int kWaitingMax = 8;  // for Accept

Error Trouble(std::string_view doing, const fs::path& path) {
  return EnvironmentError(
      fmt::format("{} the socket {}: {}", doing, path.string(), std::strerror(errno)));
}

// The path through a descriptor of its folder: short, however deep the folder lies.
class ShortPath {
 public:
  explicit ShortPath(const fs::path& path)
      : folder_(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (folder_ < 0) throw Trouble("reaching", path);
    name_ = fmt::format("/proc/self/fd/{}/{}", folder_, path.filename().string());
  }
  ShortPath(const ShortPath&) = delete;
  ShortPath& operator=(const ShortPath&) = delete;
  ~ShortPath() { ::close(folder_); }

  const char* c_str() const { return name_.c_str(); }
  sockaddr_un address() const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }

 private:
  const int folder_;
  std::string name_;
};

// False when the time is over.
bool WaitFor(int fd, short events, std::optional<steady_clock::time_point> until) {
  pollfd end = {fd, events, 0};
  for (;;) {
    int timeout = -1;
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - steady_clock::now());
      if (left.count() <= 0) return false;
      timeout = static_cast<int>(left.count());
    }
    const int ready = ::poll(&end, 1, timeout);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

LocalSocket::LocalSocket(LocalSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LocalSocket::~LocalSocket() {
  if (fd_ >= 0) ::close(fd_);
}

LocalSocket LocalSocket::Listen(const fs::path& path) {
  const ShortPath short_path(path);
  LocalSocket made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(short_path.c_str());
  const sockaddr_un address = short_path.address();
  // Nobody can connect before it listens, so nobody gets in before the mode is set.
  if (made.fd_ < 0 ||
      ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(short_path.c_str(), 0600) != 0 || ::listen(made.fd_, kWaitingMax) != 0) {
    throw Trouble("making", path);
  }
  return made;
}

std::optional<LocalSocket> LocalSocket::Connect(const fs::path& path) {
  const ShortPath short_path(path);
  LocalSocket made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = short_path.address();
  if (made.fd_ >= 0 &&
      ::connect(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return made;
  }
  if (made.fd_ >= 0 && (errno == ENOENT || errno == ECONNREFUSED)) return {};
  throw Trouble("connecting to", path);
}

std::optional<LocalSocket> LocalSocket::Accept() const {
  LocalSocket made(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (made.fd_ < 0) return {};
  return made;
}

std::optional<std::string> LocalSocket::ReadLine(size_t bytes_max,
                                                 std::optional<Microseconds> timeout) const {
  std::optional<steady_clock::time_point> until;
  if (timeout) until = steady_clock::now() + *timeout;
  std::string line;
  std::array<char, 4096> buffer;
  while (WaitFor(fd_, POLLIN, until)) {
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return {};
    line.append(buffer.data(), static_cast<size_t>(count));
    const size_t end = line.find('\n');
    if (std::min(end, line.size()) > bytes_max) return {};
    if (end != line.npos) return line.substr(0, end);
  }
  return {};
}

bool LocalSocket::WriteLine(std::string_view line, Microseconds timeout) const {
  const auto until = steady_clock::now() + timeout;
  std::string text(line);
  text += '\n';
  std::string_view left = text;
  while (!left.empty()) {
    if (!WaitFor(fd_, POLLOUT, until)) return false;
    const ssize_t count = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return false;
    left.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace syncline::cli
