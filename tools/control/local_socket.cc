#include "tools/control/local_socket.h"

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
#include "engine/base/private_folder.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr int kWaitingMax = 8;  // for Accept
constexpr timeval kConnectMost = {.tv_sec = 10, .tv_usec = 0};

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

// The user at the other end: of a connection that was made who listens, of one that was taken who
// has connected. Nothing if the kernel does not know.
std::optional<uid_t> PeerOf(int fd) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return peer.uid;
}

bool IsTrusted(const std::optional<uid_t>& user) {
  return user && (*user == 0 || *user == ::geteuid());
}

// False when the time is over, or the grace of a stop.
bool WaitFor(int fd, short events, steady_clock::time_point until, const StopGrace* stop) {
  constexpr int64_t kPollMax = 60'000;
  for (;;) {
    const auto over = stop != nullptr ? stop->end() : std::nullopt;
    if (over) until = std::min(until, *over);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
    std::array<pollfd, 2> watched = {pollfd{fd, events, 0},
                                     pollfd{stop != nullptr && !over ? stop->fd() : -1, POLLIN, 0}};
    const int ready = ::poll(watched.data(), watched.size(),
                             static_cast<int>(std::clamp<int64_t>(left.count(), 0, kPollMax)));
    if (watched[0].revents != 0) return true;
    if (left.count() <= 0 || (ready < 0 && errno != EINTR)) return false;
  }
}

}  // namespace

LocalSocket::LocalSocket(LocalSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LocalSocket::~LocalSocket() {
  if (fd_ >= 0) ::close(fd_);
}

LocalSocket LocalSocket::Listen(const fs::path& path) {
  if (!IsOwnFolder(path.parent_path())) {
    throw EnvironmentError(
        fmt::format("the folder of the socket {} is another user's", path.string()));
  }
  const ShortPath short_path(path);
  LocalSocket made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(short_path.c_str());
  const sockaddr_un address = short_path.address();
  // The socket's own mode is that of the file which bind makes (unix(7)), so that nobody else can
  // connect at any moment.
  if (made.fd_ < 0 || ::fchmod(made.fd_, 0600) != 0 ||
      ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(made.fd_, kWaitingMax) != 0) {
    throw Trouble("making", path);
  }
  return made;
}

std::optional<LocalSocket> LocalSocket::Connect(const fs::path& path) {
  const ShortPath short_path(path);
  LocalSocket made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // Where too many wait to be taken already, as when nobody takes them, connecting waits, too.
  ::setsockopt(made.fd_, SOL_SOCKET, SO_SNDTIMEO, &kConnectMost, sizeof kConnectMost);
  const sockaddr_un address = short_path.address();
  if (made.fd_ >= 0 &&
      ::connect(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::optional<uid_t> peer = PeerOf(made.fd_);
    if (IsTrusted(peer)) return made;
    throw EnvironmentError(
        fmt::format("at the socket {} listens the user {}, not {}", path.string(),
                    peer ? UserName(*peer) : std::string("nobody knows"), UserName(::geteuid())),
        "run the command as the user that runs the capture of this log");
  }
  if (made.fd_ >= 0 && (errno == ENOENT || errno == ECONNREFUSED)) return {};
  if (made.fd_ >= 0 && errno == EAGAIN) {
    throw RetryError(fmt::format("nobody takes connections to the socket {}", path.string()),
                     "Is the process that writes the log suspended, or the machine overloaded?");
  }
  throw Trouble("connecting to", path);
}

std::optional<LocalSocket> LocalSocket::Accept() const {
  LocalSocket made(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (made.fd_ < 0 || !IsTrusted(PeerOf(made.fd_))) return {};
  return made;
}

std::optional<std::string> LocalSocket::ReadLine(size_t bytes_max, Microseconds timeout,
                                                 const StopGrace* stop) const {
  const auto until = steady_clock::now() + timeout;
  std::string line;
  std::array<char, 4096> buffer;
  while (WaitFor(fd_, POLLIN, until, stop)) {
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
    if (!WaitFor(fd_, POLLOUT, until, nullptr)) return false;
    const ssize_t count = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return false;
    left.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace syncline::cli
