#include "engine/sql/postgres/link/name_service.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <string_view>
#include <system_error>
#include <thread>

namespace syncline::sql {
namespace {

using End = SocketWait::End;

// Shared by who asks and who waits, whichever ends first.
struct Question {
  explicit Question(std::string name) : host(std::move(name)) {}
  ~Question() {
    if (answered >= 0) ::close(answered);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  const std::string host;
  const int answered = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

bool IsName(const std::string& host) {
  in6_addr address;
  return !host.empty() && host.front() != '/' && host.front() != '@' &&
         ::inet_pton(AF_INET, host.c_str(), &address) != 1 &&
         ::inet_pton(AF_INET6, host.c_str(), &address) != 1;
}

void Ask(const std::shared_ptr<Question>& question) {
  addrinfo* found = nullptr;
  if (::getaddrinfo(question->host.c_str(), nullptr, nullptr, &found) == 0) ::freeaddrinfo(found);
  ::eventfd_write(question->answered, 1);
}

End AwaitAnswer(const std::string& host, std::chrono::steady_clock::time_point until,
                const WaitLimits& limits) {
  const auto question = std::make_shared<Question>(host);
  if (question->answered < 0) return End::kReady;  // libpq has to do without
  try {
    std::thread(Ask, question).detach();
  } catch (const std::system_error&) {
    return End::kReady;
  }
  return WaitForSocket(question->answered, POLLIN, until, limits).end;
}

}  // namespace

End AwaitNameService(const std::string& hosts, std::chrono::steady_clock::time_point until,
                     const WaitLimits& limits) {
  for (std::string_view rest = hosts; !rest.empty();) {
    const std::string host(rest.substr(0, rest.find(',')));
    rest.remove_prefix(std::min(rest.size(), host.size() + 1));
    if (!IsName(host)) continue;
    if (const End end = AwaitAnswer(host, until, limits); end != End::kReady) return end;
  }
  return End::kReady;
}

}  // namespace syncline::sql
