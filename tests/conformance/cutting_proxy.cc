#include "tests/conformance/cutting_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string_view>

namespace syncline::test {
namespace {

sockaddr_un SocketIn(const std::string& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/.s.PGSQL.5432";
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

// The statement alone: BEGIN says "READ COMMITTED".
bool IsCommit(std::string_view message) {
  return message.find(std::string_view("COMMIT\0", 7)) != std::string_view::npos;
}

bool SendAll(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(std::string server_folder) : server_folder_(std::move(server_folder)) {
  listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = SocketIn(folder());
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 8) != 0 || ::pipe(wake_) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  thread_ = std::jthread([this] { Serve(); });
}

CuttingProxy::~CuttingProxy() {
  ::close(wake_[1]);  // its other end becomes readable
  thread_.join();
  ::close(wake_[0]);
  ::close(listener_);
}

void CuttingProxy::Serve() {
  while (true) {
    pollfd waiting[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    ::poll(waiting, 2, -1);
    if (waiting[1].revents != 0) return;
    const int client = ::accept(listener_, nullptr, nullptr);
    const int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = SocketIn(server_folder_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      Relay(client, server);
    }
    ::close(client);
    ::close(server);
  }
}

// Until either side hangs up, or the connection is to be cut.
void CuttingProxy::Relay(int client, int server) {
  char buffer[64 << 10];
  bool hang_up_on_answer = false;
  while (true) {
    pollfd waiting[3] = {{client, POLLIN, 0}, {server, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    ::poll(waiting, 3, -1);
    if (waiting[2].revents != 0) return;
    if (waiting[0].revents != 0) {
      const ssize_t size = ::recv(client, buffer, sizeof buffer, 0);
      if (size <= 0) return;
      const std::string_view message(buffer, static_cast<size_t>(size));
      if (IsCommit(message) && cut_ != Cut::kNever) {
        ++cuts_;
        hang_up_on_answer = true;
        if (cut_.exchange(Cut::kNever) == Cut::kBeforeCommit) return;
      }
      if (!SendAll(server, message)) return;
    }
    if (waiting[1].revents != 0) {
      const ssize_t size = ::recv(server, buffer, sizeof buffer, 0);
      if (size <= 0 || hang_up_on_answer) return;
      if (!SendAll(client, {buffer, static_cast<size_t>(size)})) return;
    }
  }
}

}  // namespace syncline::test
