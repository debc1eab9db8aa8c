#include "engine/sql/postgres_pooler.h"

#include <poll.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

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

struct Finish {
  void operator()(PGconn* connection) const { ::PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, Finish>;

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
bool Answered(PGconn* connection, std::chrono::milliseconds most) {
  const auto deadline = Steady::now() + most;
  while (true) {
    ::PQflush(connection);
    if (::PQconsumeInput(connection) == 0 || ::PQisBusy(connection) == 0) return true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
    if (left.count() <= 0) return false;
    pollfd ready = {::PQsocket(connection), POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(left.count()));
  }
}

// The last row's value of one or more statements; nothing: it failed.
std::optional<std::string> LastValue(PGconn* connection) {
  std::optional<std::string> value;
  bool failed = false;
  while (PGresult* const result = ::PQgetResult(connection)) {
    const ExecStatusType status = ::PQresultStatus(result);
    failed = failed || (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK);
    if (status == PGRES_TUPLES_OK && ::PQntuples(result) == 1) value = ::PQgetvalue(result, 0, 0);
    ::PQclear(result);
  }
  if (failed) value.reset();
  return value;
}

// A second client of the same pooler. PQconninfo tells all hosts of the address, and only the one
// that answered will do.
ConnectionPtr ConnectAgain(PGconn* connection) {
  std::vector<const char*> names, values;
  const std::string host = ::PQhost(connection), port = ::PQport(connection);
  const std::string address = ::PQhostaddr(connection) ? ::PQhostaddr(connection) : "";
  const auto add = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  PQconninfoOption* const options = ::PQconninfo(connection);
  for (const PQconninfoOption* option = options; option && option->keyword; ++option) {
    const std::string_view name = option->keyword;
    if (name == "host" || name == "hostaddr" || name == "port" || option->val == nullptr) continue;
    add(option->keyword, option->val);
  }
  add("host", host.c_str());
  if (!address.empty()) add("hostaddr", address.c_str());
  add("port", port.c_str());
  add(nullptr, nullptr);
  ConnectionPtr second(::PQconnectdbParams(names.data(), values.data(), /*expand_dbname=*/0));
  ::PQconninfoFree(options);
  return second;
}

// What a statement brought.
struct Answer {
  bool late = false;  // not yet: it is still waited for
  std::optional<std::string> value;
};

Answer Receive(PGconn* connection, std::chrono::milliseconds most) {
  if (!Answered(connection, most)) return {.late = true};
  return {.value = LastValue(connection)};
}

class Probe {
 public:
  Probe(PGconn* first, const std::string& display) : first_(first), display_(display) {}

  int Run() {
    own_ = Own(kWho);
    if (Own(kWhoInTransaction, kStatementMode) != own_) throw Shared(display_, kOneByOne);
    ::PQclear(::PQexec(first_, "COMMIT"));
    const ConnectionPtr second = ConnectAgain(first_);
    if (::PQstatus(second.get()) != CONNECTION_OK) throw Unwell("takes no second connection");
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

  // What the first connection's server process says; `refused`: how it is lent where it says no.
  std::string Own(const char* sql, const char* refused = nullptr) const {
    ::PQsendQuery(first_, sql);
    if (const Answer answer = Receive(first_, kAnswerMax); answer.value) return *answer.value;
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
    Answer other = Receive(second, kSecondMax);
    Expect();
    // It waits for a server process although the first one has been served meanwhile: that one has
    // its own.
    if (other.late) other = Receive(second, std::chrono::milliseconds(0));
    if (other.late) return false;
    if (!other.value) throw Unwell("refuses what a second connection asks");
    if (*other.value == own_) throw Shared(display_, kOneByOne);
    ::PQclear(::PQexec(second, "COMMIT"));
    return true;
  }

  PGconn* const first_;
  const std::string& display_;
  std::string own_;
};

}  // namespace

int RequireOwnBackend(PGconn* connection, const std::string& display) {
  return Probe(connection, display).Run();
}

}  // namespace syncline::sql
