#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/sql/database_url.h"

namespace syncline::sql {

struct FinishConnection {
  void operator()(PGconn* connection) const { ::PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, FinishConnection>;

// Options of a connection, by libpq's names; those of an address override the ones before it.
using ConnectOptions = std::vector<std::pair<std::string, std::string>>;

// A connection to the address's server, which never blocks (PQsetnonblocking). `defaults` hold
// where the address says nothing, `overrides` whatever it says. The wait ends after
// connect_timeout (10 s where nothing sets one; the limits' stall where it is 0), at `until`, and
// when the grace of a stop is over. Throws Error as the server's refusal deserves, or kRetry.
ConnectionPtr ConnectToServer(
    const DatabaseUrl& url, ConnectOptions defaults, const ConnectOptions& overrides = {},
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max());

// Overrides that lead to the server of an open connection, of several that its address may name.
ConnectOptions SameServer(PGconn* session);

}  // namespace syncline::sql
