#include "engine/sql/postgres/link/postgres_probe.h"

#include <array>
#include <optional>
#include <string>

#include "engine/base/error.h"
#include "engine/sql/postgres/link/postgres_connect.h"
#include "engine/sql/postgres/link/postgres_result.h"
#include "engine/sql/postgres/link/postgres_wait.h"

namespace syncline::sql {
namespace {

using std::chrono::steady_clock;

// This session has whatever search_path its role has. A process that waits for its client is not at
// work: what it sends does not arrive, or what it is sent. Where nobody tracks what processes do
// (track_activities) the state is 'disabled'.
constexpr char kAsk[] =
    "SELECT state OPERATOR(pg_catalog.!~~) 'idle%' AND "
    "coalesce(wait_event_type OPERATOR(pg_catalog.<>) 'Client', true) "
    "FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) $1";
constexpr char kCancel[] = "SELECT pg_catalog.pg_cancel_backend($1)";

constexpr char kStartingUp[] = "57P03";

// The first field of the answer; nothing without one.
std::optional<std::string> Query(PGconn* connection, const char* sql, int process,
                                 steady_clock::time_point until, const WaitLimits& limits) {
  const std::string number = std::to_string(process);
  const std::array<const char*, 1> values = {number.c_str()};
  if (::PQsendQueryParams(connection, sql, 1, nullptr, values.data(), nullptr, nullptr, 0) != 1) {
    throw RetryError("the question could not be sent");
  }
  // It fits into the socket's buffer.
  while (::PQflush(connection) == 1 || ::PQisBusy(connection) != 0) {
    const SocketWait wait = WaitForSocket(::PQsocket(connection), POLLIN, until, limits);
    if (wait.end != SocketWait::End::kReady || ::PQconsumeInput(connection) == 0) {
      throw RetryError("no answer");
    }
  }
  const ResultPtr result(::PQgetResult(connection));
  if (::PQresultStatus(result.get()) != PGRES_TUPLES_OK) throw RetryError("no answer");
  if (::PQntuples(result.get()) == 0) return {};
  return ::PQgetvalue(result.get(), 0, 0);
}

}  // namespace

BackendState PostgresProbe::Ask(steady_clock::time_point until) const {
  ConnectionPtr connection;
  try {
    connection = ConnectToServer(url_, {}, SameServer(session_), until);
  } catch (const Error& error) {
    // A server that refuses with a reason is there.
    return error.code().size() == 5 && error.code() != kStartingUp ? BackendState::kUnknown
                                                                   : BackendState::kSilent;
  }
  try {
    const auto working = Query(connection.get(), kAsk, process_, until, url_.limits);
    return working == "f" || !working ? BackendState::kNotWorking : BackendState::kWorking;
  } catch (const Error&) {
    // A pool may have no server session left for this one.
    const bool is_pooled = ::PQbackendPID(session_) != process_;
    return is_pooled ? BackendState::kUnknown : BackendState::kSilent;
  }
}

bool PostgresProbe::Cancel(steady_clock::time_point until) const {
  // The grace is over when a stop is what cancels.
  DatabaseUrl url = url_;
  url.limits.stop.reset();
  try {
    const ConnectionPtr connection = ConnectToServer(url, {}, SameServer(session_), until);
    return Query(connection.get(), kCancel, process_, until, url.limits) == "t";
  } catch (const Error&) {
    return false;
  }
}

}  // namespace syncline::sql
