#include "engine/sql/postgres/link/postgres_connect.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include "engine/sql/postgres/link/name_service.h"
#include "engine/sql/postgres/link/postgres_error.h"
#include "engine/sql/postgres/link/postgres_wait.h"

namespace syncline::sql {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kConnectMost{10};

// A server that is gone without a word (power, network) is noticed after a minute.
const ConnectOptions kPatience = {
    {"connect_timeout", std::to_string(kConnectMost.count())},
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "60000"},
};

// The SQLSTATE in an error text of PQERRORS_VERBOSE: "FATAL:  28P01: password ...". libpq has no
// other way to tell why connecting failed.
std::string CodeIn(std::string_view verbose) {
  for (size_t at = verbose.find(":  "); at != std::string_view::npos;
       at = verbose.find(":  ", at + 1)) {
    const std::string_view code = verbose.substr(at + 3, 5);
    bool fits = code.size() == 5 && verbose.substr(at + 8, 2) == ": ";
    for (const char c : code) fits = fits && (std::isupper(c) != 0 || std::isdigit(c) != 0);
    if (fits) return std::string(code);
  }
  return {};
}

// The first line, without "FATAL:  28P01: " before the server's own words.
std::string Reason(std::string_view text, const std::string& code) {
  const size_t at = code.empty() ? std::string_view::npos : text.find(code + ": ");
  if (at != std::string_view::npos) text.remove_prefix(at + code.size() + 2);
  return std::string(text.substr(0, text.find('\n')));
}

Error ConnectError(PGconn* connection, const std::string& display) {
  const std::string text = ::PQerrorMessage(connection);
  const std::string code = CodeIn(text);
  const std::string reason = Reason(text, code);
  if (!code.empty()) return TranslatePostgresError({.code = code, .message = reason}, display);
  if (::PQconnectionNeedsPassword(connection) != 0) {
    return EnvironmentError(
        display + ": the server asks for a password, and none was given",
        "Put it into the address as ${VARIABLE}, or set PGPASSWORD or ~/.pgpass.");
  }
  return {Reaction::kRetry, Cause::kEnvironment, display + ": cannot connect: " + reason,
          "Check that the server runs and that host and port are right."};
}

ConnectionPtr Begin(const DatabaseUrl& url, const ConnectOptions& defaults,
                    const ConnectOptions& overrides) {
  std::vector<const char*> names, values;
  const auto add = [&](const std::string& name, const std::string& value) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  };
  // What comes later wins, so the address overrides what stands before it.
  for (const auto& [name, value] : kPatience) add(name, value);
  for (const auto& [name, value] : defaults) add(name, value);
  const std::string database = "dbname";
  add(database, url.connection);
  for (const auto& [name, value] : overrides) add(name, value);
  names.insert(names.end(), {"client_encoding", nullptr});
  values.insert(values.end(), {"UTF8", nullptr});
  ConnectionPtr made(::PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/1));
  if (made == nullptr) throw RetryError("out of memory");
  ::PQsetErrorVerbosity(made.get(), PQERRORS_VERBOSE);  // for CodeIn
  return made;
}

// Whether a server's command line, as in `options=-c TimeZone=UTC`, sets the time zone.
bool SetsTimeZone(std::string_view options) {
  std::string words;  // without the backslashes that keep blanks together
  for (const unsigned char c : options) {
    if (c != '\\') words += static_cast<char>(std::tolower(c));
  }
  constexpr std::string_view kSetting = "timezone=";
  for (size_t at = words.find(kSetting); at != words.npos; at = words.find(kSetting, at + 1)) {
    // Not one of an application's own.
    if (at == 0 || words[at - 1] != '.') return true;
  }
  return false;
}

// What options say of the way to a server.
struct Way {
  std::string hosts;                // names that have to be looked up, with commas between
  bool has_addresses = false;       // hostaddr: nothing has to be looked up
  std::chrono::seconds timeout{0};  // connect_timeout; 0 and less: none
  bool sets_zone = false;           // options: the session's time zone

  // The options are freed; null says nothing.
  void Read(PQconninfoOption* options) {
    for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr;
         ++option) {
      if (option->val == nullptr) continue;
      const std::string_view name = option->keyword, value = option->val;
      if (name == "host") hosts = value;
      if (name == "hostaddr") has_addresses = true;
      if (name == "options") sets_zone = SetsTimeZone(value);
      if (name != "connect_timeout") continue;
      int seconds = 0;
      std::from_chars(value.data(), value.data() + value.size(), seconds);
      timeout = std::chrono::seconds(seconds);
    }
    ::PQconninfoFree(options);
  }

  std::chrono::milliseconds Most(const WaitLimits& limits) const {
    return timeout.count() > 0 ? std::chrono::milliseconds(timeout) : limits.stall;
  }
};

// libpq looks names up where nothing can keep it from waiting, so that they are looked up before.
SocketWait::End LookUp(const DatabaseUrl& url, const ConnectOptions& overrides,
                       steady_clock::time_point until) {
  const bool is_known =
      std::ranges::any_of(overrides, [](const auto& option) { return option.first == "hostaddr"; });
  Way way;
  way.timeout = kConnectMost;
  way.Read(::PQconndefaults());
  way.Read(::PQconninfoParse(url.connection.c_str(), nullptr));
  if (is_known || way.has_addresses) return SocketWait::End::kReady;
  until = std::min(until, steady_clock::now() + way.Most(url.limits));
  return AwaitNameService(way.hosts, until, url.limits);
}

}  // namespace

ConnectOptions SameServer(PGconn* session) {
  ConnectOptions place;
  const auto add = [&](const char* name, const char* value) {
    if (value != nullptr && *value != '\0') place.emplace_back(name, value);
  };
  add("host", ::PQhost(session));
  const char* const host = ::PQhost(session);
  const bool is_socket = host != nullptr && *host == '/';
  if (!is_socket) add("hostaddr", ::PQhostaddr(session));
  add("port", ::PQport(session));
  add("target_session_attrs", "any");
  return place;
}

ConnectionPtr ConnectToServer(const DatabaseUrl& url, ConnectOptions defaults,
                              const ConnectOptions& overrides, steady_clock::time_point until) {
  const auto began = steady_clock::now();
  const auto check = [&](SocketWait::End end) {
    if (end == SocketWait::End::kReady) return;
    if (end == SocketWait::End::kStopped) throw StoppedError(url.display);
    const auto seconds = std::chrono::round<std::chrono::seconds>(steady_clock::now() - began);
    throw Error(Reaction::kRetry, Cause::kEnvironment,
                url.display + ": no answer within " + std::to_string(seconds.count()) + " s",
                "Check host, port, name server and firewall; connect_timeout in the address "
                "changes the limit.");
  };
  check(LookUp(url, overrides, until));
  ConnectionPtr made = Begin(url, defaults, overrides);
  PGconn* const handle = made.get();
  Way way;
  way.Read(::PQconninfo(handle));
  // It would hide the zone that the database has configured for those who write.
  if (way.sets_zone) {
    throw UsageError(url.display + ": the options of the connection set TimeZone",
                     "Take it out of `options` in the address, PGOPTIONS or the service file: "
                     "Syncline's own sessions are in UTC. What columns without a time zone hold, "
                     "if not times of the database's zone, is stated by `zone` of their table.");
  }
  until = std::min(until, began + way.Most(url.limits));

  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (::PQstatus(handle) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
         next != PGRES_POLLING_FAILED) {
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    check(WaitForSocket(::PQsocket(handle), events, until, url.limits).end);
    next = ::PQconnectPoll(handle);
  }
  if (::PQstatus(handle) != CONNECTION_OK) throw ConnectError(handle, url.display);
  ::PQsetErrorVerbosity(handle, PQERRORS_DEFAULT);
  ::PQsetnonblocking(handle, 1);
  return made;
}

}  // namespace syncline::sql
