#pragma once

#include <chrono>
#include <string>

#include "engine/sql/postgres/link/postgres_wait.h"
#include "engine/sql/wait_limits.h"

namespace syncline::sql {

// Waits until the machine's name service has said something about each of the hosts, which stand
// apart by commas as in an address; what is no name (an IP address, a socket's folder) needs none.
// libpq asks it too, and cannot be kept from waiting for it: one that has answered does not let it
// wait. Asks on a thread of its own, which is left behind when the wait ends before the answer.
SocketWait::End AwaitNameService(const std::string& hosts,
                                 std::chrono::steady_clock::time_point until,
                                 const WaitLimits& limits);

}  // namespace syncline::sql
