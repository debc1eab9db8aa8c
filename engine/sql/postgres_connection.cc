#include "engine/sql/postgres_connection.h"

#include <poll.h>

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <utility>
#include <vector>

#include "engine/sql/postgres_pooler.h"
#include "engine/sql/postgres_settings.h"

namespace syncline::sql {
namespace {

constexpr char kDefaultTimeout[] = "10";

// A server that is gone without a word (power, network) is noticed after a minute.
constexpr char kIdleSeconds[] = "30";
constexpr char kProbeSeconds[] = "10";
constexpr char kProbes[] = "3";
constexpr char kUnansweredMs[] = "60000";

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

std::string Field(const PGresult* result, int field) {
  const char* text = ::PQresultErrorField(result, field);
  return text == nullptr ? "" : text;
}

}  // namespace

// Lends our PGconn to libpqxx.
class PostgresConnection::Borrowed : public pqxx::connection_base {
 public:
  explicit Borrowed(PGconn* handle) : connection_base(policy_), policy_(handle) { init(); }
  ~Borrowed() { close(); }

 private:
  class Policy : public pqxx::connectionpolicy {
   public:
    explicit Policy(PGconn* handle) : connectionpolicy(""), unused_(handle) {}
    // Lent once. After a loss libpqxx asks again, gets nothing and gives up.
    handle do_startconnect(handle current) override {
      return current != nullptr ? current : std::exchange(unused_, nullptr);
    }
    handle do_disconnect(handle) noexcept override { return nullptr; }

   private:
    handle unused_;
  };

  Policy policy_;
};

PostgresConnection::PostgresConnection(const DatabaseUrl& url, const std::string& application,
                                       bool read_only)
    : display_(url.display) {
  Connect(url, application);
  ::PQsetErrorVerbosity(handle(), PQERRORS_DEFAULT);
  ::PQregisterEventProc(handle(), &OnEvent, "syncline", this);
  ::PQsetNoticeReceiver(handle(), &OnNotice, this);
  Configure(read_only);
  try {
    pqxx_ = std::make_unique<Borrowed>(handle());
  } catch (const std::exception&) {
    throw LastError();
  }
}

// Nothing is set in a session that may be somebody else's a moment later: the settings are made by
// a statement that does nothing behind a pooler, and again when the session has proved to be ours.
void PostgresConnection::Configure(bool read_only) {
  const auto set = [&](int backend) {
    const std::string sql = SettingsSql(backend, read_only);
    ForgetError();
    const ResultPtr result = Expect(::PQexec(handle(), sql.c_str()), PGRES_TUPLES_OK);
    return ::PQntuples(result.get()) == 1;
  };
  if (set(::PQbackendPID(handle()))) return;
  if (set(RequireOwnBackend(handle(), display_))) return;
  throw Error(Reaction::kRetry, Cause::kEnvironment,
              display_ + ": the session behind a pooler has changed just now",
              "Syncline connects again by itself.");
}

// libpqxx's destructors speak to the connection, so they go first.
PostgresConnection::~PostgresConnection() { pqxx_.reset(); }

void PostgresConnection::Connect(const DatabaseUrl& url, const std::string& application) {
  // What comes later wins, so the URI overrides what stands before it.
  const char* const names[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                               "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                               "dbname",           "client_encoding",  nullptr};
  const char* const values[] = {
      kDefaultTimeout,     kIdleSeconds,           kProbeSeconds, kProbes, kUnansweredMs,
      application.c_str(), url.connection.c_str(), "UTF8",        nullptr};
  handle_.reset(::PQconnectStartParams(names, values, /*expand_dbname=*/1));
  if (handle_ == nullptr) throw RetryError("out of memory");
  ::PQsetErrorVerbosity(handle(), PQERRORS_VERBOSE);  // for CodeIn

  int timeout_seconds = std::atoi(kDefaultTimeout);
  if (PQconninfoOption* options = ::PQconninfo(handle())) {
    for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
      if (std::string_view(option->keyword) == "connect_timeout" && option->val != nullptr) {
        timeout_seconds = std::atoi(option->val);
      }
    }
    ::PQconninfoFree(options);
  }
  using Steady = std::chrono::steady_clock;
  const auto deadline = Steady::now() + std::chrono::seconds(timeout_seconds);

  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (::PQstatus(handle()) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
         next != PGRES_POLLING_FAILED) {
    pollfd ready = {::PQsocket(handle()),
                    static_cast<short>(next == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
    const int wait_ms =
        timeout_seconds <= 0 ? -1 : std::max<int>(0, static_cast<int>(left.count()));
    const int events = ::poll(&ready, 1, wait_ms);
    if (events == 0) {
      throw Error(
          Reaction::kRetry, Cause::kEnvironment,
          display_ + ": no answer within " + std::to_string(timeout_seconds) + " s",
          "Check host, port and firewall; connect_timeout in the address changes the limit.");
    }
    if (events > 0) next = ::PQconnectPoll(handle());
  }
  if (::PQstatus(handle()) != CONNECTION_OK) throw ConnectError();
}

Error PostgresConnection::ConnectError() const {
  const std::string text = ::PQerrorMessage(handle());
  const std::string code = CodeIn(text);
  const std::string reason = Reason(text, code);
  if (!code.empty()) return TranslatePostgresError({.code = code, .message = reason}, display_);
  if (::PQconnectionNeedsPassword(handle()) != 0) {
    return EnvironmentError(
        display_ + ": the server asks for a password, and none was given",
        "Put it into the address as ${VARIABLE}, or set PGPASSWORD or ~/.pgpass.");
  }
  return {Reaction::kRetry, Cause::kEnvironment, display_ + ": cannot connect: " + reason,
          "Check that the server runs and that host and port are right."};
}

int PostgresConnection::OnEvent(PGEventId event, void* info, void* self) {
  if (event != PGEVT_RESULTCREATE) return 1;
  const PGresult* result = static_cast<PGEventResultCreate*>(info)->result;
  if (::PQresultStatus(result) == PGRES_FATAL_ERROR) {
    static_cast<PostgresConnection*>(self)->Keep(result);
  }
  return 1;
}

// What a server says when it ends an idle session comes to libpq as a notice. Other notices are of
// no interest.
void PostgresConnection::OnNotice(void* self, const PGresult* notice) {
  if (Field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) == "FATAL") {
    static_cast<PostgresConnection*>(self)->Keep(notice);
  }
}

void PostgresConnection::Keep(const PGresult* result) {
  // When a session is ended, the server's reason comes first and libpq's "connection closed" after
  // it.
  if (report_.has_value() && !report_->code.empty()) return;
  report_ = {
      .code = Field(result, PG_DIAG_SQLSTATE),
      .message = Field(result, PG_DIAG_MESSAGE_PRIMARY),
      .context = Field(result, PG_DIAG_CONTEXT),
      .schema = Field(result, PG_DIAG_SCHEMA_NAME),
      .table = Field(result, PG_DIAG_TABLE_NAME),
      .column = Field(result, PG_DIAG_COLUMN_NAME),
      .constraint = Field(result, PG_DIAG_CONSTRAINT_NAME),
  };
}

pqxx::result PostgresConnection::Run(const std::string& sql) {
  return Guard([&](pqxx::transaction_base& work) { return work.exec(sql); });
}

pqxx::result PostgresConnection::Run(const std::string& sql, const Parameters& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) {
    if (parameter.has_value() && parameter->find('\0') != std::string::npos) {
      throw StopError(display_ + ": PostgreSQL cannot hold text with a zero byte");
    }
    values.push_back(parameter.has_value() ? parameter->c_str() : nullptr);
  }
  return Guard([&](pqxx::transaction_base& work) {
    return work.exec_params(sql, pqxx::prepare::make_dynamic_params(values));
  });
}

pqxx::result PostgresConnection::Guard(
    const std::function<pqxx::result(pqxx::transaction_base&)>& run) {
  ForgetError();
  try {
    // Transactions are ours: BEGIN and COMMIT are statements like others.
    pqxx::nontransaction work(*pqxx_);
    return run(work);
  } catch (const std::exception& error) {
    if (report_.has_value() || ::PQstatus(handle()) != CONNECTION_OK) throw LastError();
    throw StopError(display_ + ": " + error.what());
  }
}

Error PostgresConnection::LastError() const {
  // An error without a code was made by libpq itself. When its write fails while some of the
  // server's last words are unread, it says that the server closed the connection, and leaves the
  // status as it was.
  const bool lost = ::PQstatus(handle()) != CONNECTION_OK || (report_ && report_->code.empty());
  if (!report_.has_value() || report_->code.empty()) {
    const std::string reason = Reason(::PQerrorMessage(handle()), "");
    if (!lost) return StopError(display_ + ": " + reason);
    return {Reaction::kRetry, Cause::kEnvironment, display_ + ": connection lost: " + reason,
            "Syncline connects again by itself."};
  }
  const Error error = TranslatePostgresError(*report_, display_);
  if (!lost || error.reaction() == Reaction::kRetry) return error;
  return {Reaction::kRetry, Cause::kEnvironment, error.message(), error.hint(), error.code()};
}

ResultPtr PostgresConnection::Expect(PGresult* result, ExecStatusType expected) {
  ResultPtr owned(result);
  if (::PQresultStatus(result) != expected) throw LastError();
  return owned;
}

}  // namespace syncline::sql
