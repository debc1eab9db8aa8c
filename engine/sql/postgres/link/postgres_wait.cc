#include "engine/sql/postgres/link/postgres_wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace syncline::sql {

using std::chrono::steady_clock;

SocketWait WaitForSocket(int socket, short events, steady_clock::time_point until,
                         const WaitLimits& limits) {
  constexpr int64_t kPollMax = 60'000;
  for (;;) {
    auto next = until;
    const auto stop = limits.stop ? limits.stop->end() : std::nullopt;
    if (stop) next = std::min(next, *stop);
    // Once there is a stop its descriptor has nothing more to tell.
    const bool watch_stop = limits.stop && !stop;
    std::array<pollfd, 2> watched = {pollfd{socket, events, 0},
                                     pollfd{watch_stop ? limits.stop->fd() : -1, POLLIN, 0}};
    const auto now = steady_clock::now();
    const auto left = next <= now ? std::chrono::milliseconds(0)
                                  : std::chrono::ceil<std::chrono::milliseconds>(next - now);
    ::poll(watched.data(), watched.size(),
           static_cast<int>(std::clamp<int64_t>(left.count(), 0, kPollMax)));
    if (watched[0].revents != 0) return {SocketWait::End::kReady, watched[0].revents};
    if (now < next) continue;
    return {stop && *stop <= now ? SocketWait::End::kStopped : SocketWait::End::kTimedOut};
  }
}

Error StoppedError(const std::string& display) {
  return syncline::StoppedError(display + ": given up, because of the stop",
                                "Nothing is half done; the next start goes on from there.");
}

}  // namespace syncline::sql
