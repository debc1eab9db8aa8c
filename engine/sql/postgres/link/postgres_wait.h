#pragma once

#include <poll.h>

#include <chrono>
#include <string>

#include "engine/base/error.h"
#include "engine/sql/wait_limits.h"

namespace syncline::sql {

struct SocketWait {
  enum class End { kReady, kTimedOut, kStopped };
  End end = End::kReady;
  short events = 0;  // with kReady: what the socket is ready for, POLLHUP and POLLERR included
};

// Until the socket is ready, `until`, or the end of a stop's grace. A socket that is ready is told
// of in any case, also when this process was suspended meanwhile.
SocketWait WaitForSocket(int socket, short events, std::chrono::steady_clock::time_point until,
                         const WaitLimits& limits);

// What was under way when the grace of a stop was over; kRetry.
Error StoppedError(const std::string& display);

}  // namespace syncline::sql
