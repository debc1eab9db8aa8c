#include "engine/sql/postgres/link/postgres_pooler.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/sql/postgres/link/postgres_connect.h"
#include "engine/sql/postgres/link/postgres_result.h"
#include "engine/sql/postgres/link/postgres_wait.h"

namespace syncline::sql {
namespace {

using Steady = std::chrono::steady_clock;

// A pool may hand out its server processes in turn, or be busy with others meanwhile: so often it
// is asked.
constexpr int kRounds = 5;
constexpr auto kAnswerMax = std::chrono::seconds(10);
// The second connection of a pool in session mode waits until a server process is free.
constexpr auto kSecondMax = std::chrono::seconds(2);

constexpr char kWho[] = "SELECT pg_catalog.pg_backend_pid()";
// A transaction holds a server process where those are lent.
constexpr char kWhoInTransaction[] = "BEGIN; SELECT pg_catalog.pg_backend_pid()";

Error Shared(const std::string& display, std::string_view how) {
  std::string message = display + ": a pooler stands between us and the server, and lends one ";
  message += "session of the server to several clients, ";
  message += how;
  return {Reaction::kStop, Cause::kEnvironment, std::move(message),
          "A session's settings, prepared statements and temporary tables must be our own: give "
          "the address of the server itself, or of a pool in session mode (pgbouncer: pool_mode = "
          "session for this database or this user)."};
}

// Waits for everything that was asked for; false: there is no answer in time.
bool Answered(PGconn* connection, std::chrono::milliseconds most, const WaitLimits& limits) {
  const auto deadline = Steady::now() + most;
  while (true) {
    ::PQflush(connection);
    if (::PQconsumeInput(connection) == 0 || ::PQisBusy(connection) == 0) return true;
    const SocketWait wait = WaitForSocket(::PQsocket(connection), POLLIN, deadline, limits);
    if (wait.end != SocketWait::End::kReady) return false;
  }
}

// What one or more statements brought.
struct Answer {
  bool late = false;                 // not yet: it is still waited for
  std::optional<std::string> value;  // of the last row; nothing: it failed
};

Answer Receive(PGconn* connection, std::chrono::milliseconds most, const WaitLimits& limits) {
  Answer answer;
  bool failed = false;
  for (;;) {
    if (!Answered(connection, most, limits)) return {.late = true};
    const ResultPtr result(::PQgetResult(connection));
    if (result == nullptr) break;
    const ExecStatusType status = ::PQresultStatus(result.get());
    failed = failed || (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK);
    if (status == PGRES_TUPLES_OK && ::PQntuples(result.get()) == 1) {
      answer.value = ::PQgetvalue(result.get(), 0, 0);
    }
  }
  if (failed) answer.value.reset();
  return answer;
}

class Probe {
 public:
  Probe(PGconn* first, const DatabaseUrl& url) : first_(first), url_(url), display_(url.display) {}

  int Run() {
    own_ = Own(kWho);
    if (Own(kWhoInTransaction, kStatementMode) != own_) throw Shared(display_, kOneByOne);
    EndTransaction(first_);
    const ConnectionPtr second = ConnectAgain();
    for (int round = 0; round < kRounds; ++round) {
      // Twice: two server processes may be handed out in turn.
      Expect();
      Expect();
      if (!Lends(second.get())) break;
    }
    int pid = 0;
    std::from_chars(own_.data(), own_.data() + own_.size(), pid);
    return pid;
  }

 private:
  static constexpr char kOneByOne[] = "transaction by transaction (pool_mode = transaction)";
  static constexpr char kStatementMode[] = "statement by statement (pool_mode = statement)";

  Error Unwell(std::string_view what) const {
    return {Reaction::kRetry, Cause::kEnvironment,
            display_ + ": a pooler stands between us and the server, and " + std::string(what),
            "Look at the pooler: is the server behind it up, is its pool used up? Or give the "
            "address of the server itself."};
  }

  // A second client of the same pooler.
  ConnectionPtr ConnectAgain() const {
    try {
      return ConnectToServer(url_, {}, SameServer(first_));
    } catch (const Error&) {
      throw Unwell("takes no second connection");
    }
  }

  void EndTransaction(PGconn* connection) const {
    ::PQsendQuery(connection, "COMMIT");
    if (Receive(connection, kAnswerMax, url_.limits).late) throw Unwell("gives no answer");
  }

  // What the first connection's server process says; `refused`: how it is lent where it says no.
  std::string Own(const char* sql, const char* refused = nullptr) const {
    ::PQsendQuery(first_, sql);
    if (const Answer answer = Receive(first_, kAnswerMax, url_.limits); answer.value)
      return *answer.value;
    const std::string_view why = ::PQerrorMessage(first_);
    if (refused != nullptr && why.find("statement pooling") != std::string_view::npos) {
      throw Shared(display_, refused);
    }
    throw Unwell("gives no answer");
  }

  void Expect() const {
    if (Own(kWho) != own_) throw Shared(display_, kOneByOne);
  }

  // Whether the second connection gets a server process; it holds it while the first one asks.
  bool Lends(PGconn* second) const {
    ::PQsendQuery(second, kWhoInTransaction);
    Answer other = Receive(second, kSecondMax, url_.limits);
    Expect();
    // It waits for a server process although the first one has been served meanwhile: that one has
    // its own.
    if (other.late) other = Receive(second, std::chrono::milliseconds(0), url_.limits);
    if (other.late) return false;
    if (!other.value) throw Unwell("refuses what a second connection asks");
    if (*other.value == own_) throw Shared(display_, kOneByOne);
    EndTransaction(second);
    return true;
  }

  PGconn* const first_;
  const DatabaseUrl& url_;
  const std::string& display_;
  std::string own_;
};

}  // namespace

int RequireOwnBackend(PGconn* connection, const DatabaseUrl& url) {
  return Probe(connection, url).Run();
}

}  // namespace syncline::sql
