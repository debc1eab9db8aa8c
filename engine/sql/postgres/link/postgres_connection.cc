#include "engine/sql/postgres/link/postgres_connection.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "engine/sql/postgres/link/postgres_pooler.h"
#include "engine/sql/postgres/link/postgres_settings.h"
#include "engine/sql/postgres/link/postgres_wait.h"

namespace syncline::sql {
namespace {

using std::chrono::steady_clock;

// Of the time after which silence counts as a loss, the part before the server is asked about it.
constexpr int kAskAfter = 5, kAskOf = 6;
// However short that time is, a server on a slow network has so long to answer.
constexpr std::chrono::milliseconds kAskLeast{2'000};
// An answer that was on its way while the server was asked is waited for a little longer.
constexpr std::chrono::seconds kOnItsWay{1};

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

std::string Field(const PGresult* result, int field) {
  const char* text = ::PQresultErrorField(result, field);
  return text == nullptr ? "" : text;
}

// Bytes that have left the socket and not yet reached libpq.
bool HasDecrypted(PGconn* connection) {
  auto* const ssl = static_cast<SSL*>(::PQsslStruct(connection, "OpenSSL"));
  return ssl != nullptr && ::SSL_pending(ssl) > 0;
}

}  // namespace

PostgresConnection::PostgresConnection(const DatabaseUrl& url, const std::string& application,
                                       bool read_only)
    : url_(url), handle_(ConnectToServer(url, {{"fallback_application_name", application}})) {
  ::PQregisterEventProc(handle(), &OnEvent, "syncline", this);
  ::PQsetNoticeReceiver(handle(), &OnNotice, this);
  Configure(read_only);
}

// Nothing is set in a session that may be somebody else's a moment later: the settings are made by
// a statement that does nothing behind a pooler, and again when the session has proved to be ours.
void PostgresConnection::Configure(bool read_only) {
  const auto set = [&](int process) {
    process_ = process;
    return Run(SettingsSql(process, read_only)).size() == 1;
  };
  if (set(::PQbackendPID(handle()))) return;
  if (set(RequireOwnBackend(handle(), url_))) return;
  throw Error(Reaction::kRetry, Cause::kEnvironment,
              display() + ": the session behind a pooler has changed just now",
              "Syncline connects again by itself.");
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
      .routine = Field(result, PG_DIAG_SOURCE_FUNCTION),
  };
}

const char* PostgresConnection::TextOf(const Sql& sql) const {
  if (sql.long_name().empty()) return sql.c_str();
  throw UsageError(display() + ": the name " + std::string(sql.long_name()) +
                       " is longer than the 63 bytes that PostgreSQL takes",
                   "Give it a shorter one there with `to` or `columns` in the configuration.");
}

PostgresResult PostgresConnection::Run(const Sql& sql) {
  ForgetError();
  Sent(::PQsendQuery(handle(), TextOf(sql)));
  return PostgresResult(Await());
}

std::vector<const char*> PostgresConnection::ValuesOf(const Parameters& parameters) const {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) {
    if (parameter.has_value() && parameter->find('\0') != std::string::npos) {
      throw StopError(display() + ": PostgreSQL cannot hold text with a zero byte");
    }
    values.push_back(parameter.has_value() ? parameter->c_str() : nullptr);
  }
  return values;
}

PostgresResult PostgresConnection::Run(const Sql& sql, const Parameters& parameters) {
  const std::vector<const char*> values = ValuesOf(parameters);
  ForgetError();
  Sent(::PQsendQueryParams(handle(), TextOf(sql), static_cast<int>(values.size()), nullptr,
                           values.data(), nullptr, nullptr, /*resultFormat=*/0));
  return PostgresResult(Await());
}

PostgresResult PostgresConnection::RunPlanned(const Sql& sql, const Parameters& parameters) {
  const std::vector<const char*> values = ValuesOf(parameters);
  ForgetError();
  std::string& name = planned_[sql];
  if (name.empty()) {
    const std::string chosen = "syncline_planned_" + std::to_string(planned_.size());
    Sent(::PQsendPrepare(handle(), chosen.c_str(), TextOf(sql), 0, nullptr));
    Await();
    name = chosen;
  }
  Sent(::PQsendQueryPrepared(handle(), name.c_str(), static_cast<int>(values.size()), values.data(),
                             nullptr, nullptr, /*resultFormat=*/0));
  return PostgresResult(Await());
}

void PostgresConnection::StartCopy(const Sql& sql, ExecStatusType expected) {
  ForgetError();
  Sent(::PQsendQuery(handle(), TextOf(sql)));
  const ResultPtr result = Next();
  if (::PQresultStatus(result.get()) == expected) return;
  Await();
  throw LastError();
}

bool PostgresConnection::PutCopyData(std::string_view data) {
  for (;;) {
    const int put = ::PQputCopyData(handle(), data.data(), static_cast<int>(data.size()));
    if (put < 0) return false;
    Flush();
    if (put > 0) return true;
  }
}

void PostgresConnection::EndCopy(const char* reason) {
  while (::PQputCopyEnd(handle(), reason) == 0) Flush();
  Await();
}

void PostgresConnection::Sent(int status) const {
  if (status != 1 || given_up_) throw LastError();
}

void PostgresConnection::Flush() {
  while (::PQflush(handle()) == 1) {
    const short events = WaitFor(POLLIN | POLLOUT);
    if ((events & ~POLLOUT) != 0 && ::PQconsumeInput(handle()) == 0) return;
  }
}

ResultPtr PostgresConnection::Next() {
  Flush();
  while (::PQisBusy(handle()) != 0) {
    WaitFor(POLLIN);
    if (::PQconsumeInput(handle()) == 0 && ::PQstatus(handle()) == CONNECTION_OK) {
      GiveUp();  // short of memory: PQgetResult would wait for what cannot be taken in
      throw LastError();
    }
  }
  return ResultPtr(::PQgetResult(handle()));
}

ResultPtr PostgresConnection::Await() {
  ResultPtr last;
  bool failed = false;
  while (ResultPtr result = Next()) {
    switch (::PQresultStatus(result.get())) {
      case PGRES_EMPTY_QUERY:
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        GiveUp();
        throw StopError(display() + ": a statement that copies where none was expected");
      default:
        failed = true;
    }
    last = std::move(result);
  }
  if (failed || last == nullptr) throw LastError();
  return last;
}

short PostgresConnection::WaitFor(short events) {
  if (given_up_) throw LastError();
  if (HasDecrypted(handle())) return POLLIN;
  const std::chrono::milliseconds stall = url_.limits.stall;
  const auto asks_after = stall * kAskAfter / kAskOf;
  auto until = steady_clock::now() + asks_after;
  for (bool asked = false;;) {
    const SocketWait wait = WaitForSocket(::PQsocket(handle()), events, until, url_.limits);
    if (wait.end == SocketWait::End::kReady) return wait.events;
    if (wait.end == SocketWait::End::kStopped) {
      probe().Cancel(*url_.limits.stop->end() + StopGrace::kFarewell);
      GiveUp();
      throw StoppedError(display());
    }
    if (asked) {
      GiveUp();
      throw SilentError();
    }
    switch (probe().Ask(steady_clock::now() + std::max(stall / kAskOf, kAskLeast))) {
      case BackendState::kWorking:
      case BackendState::kUnknown:
        until = steady_clock::now() + asks_after;
        break;
      case BackendState::kNotWorking:
        asked = true;
        until = steady_clock::now() + kOnItsWay;
        break;
      case BackendState::kSilent:
        asked = true;
        until = steady_clock::now();
        break;
    }
  }
}

void PostgresConnection::CancelStatement() {
  const auto most = std::min<std::chrono::milliseconds>(url_.limits.stall, StopGrace::kFarewell);
  if (probe().Cancel(steady_clock::now() + most)) return;
  GiveUp();
  throw LastError();
}

void PostgresConnection::GiveUp() noexcept {
  given_up_ = true;
  ::shutdown(::PQsocket(handle()), SHUT_RDWR);
}

Error PostgresConnection::SilentError() const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(url_.limits.stall);
  return syncline::SilentError(
      fmt::format("{}: no answer for {} s, and no sign that the server is at work", display(),
                  seconds.count()),
      "Look at the server and at the network between; Syncline connects again by itself. "
      "`stall` in the configuration says how long silence is borne.");
}

Error PostgresConnection::LastError() const {
  // An error without a code was made by libpq itself. When its write fails while some of the
  // server's last words are unread, it says that the server closed the connection, and leaves the
  // status as it was.
  const bool lost =
      given_up_ || ::PQstatus(handle()) != CONNECTION_OK || (report_ && report_->code.empty());
  if (!report_.has_value() || report_->code.empty()) {
    const std::string reason = FirstLine(::PQerrorMessage(handle()));
    if (!lost) return StopError(display() + ": " + reason);
    if (given_up_) {
      return RetryError(display() + ": the connection was given up before",
                        "Syncline connects again by itself.");
    }
    return {Reaction::kRetry, Cause::kEnvironment, display() + ": connection lost: " + reason,
            "Syncline connects again by itself."};
  }
  const Error error = TranslatePostgresError(*report_, display());
  if (!lost || error.reaction() == Reaction::kRetry) return error;
  return {Reaction::kRetry, Cause::kEnvironment, error.message(),
          error.hint(),     error.code(),        error.condition()};
}

}  // namespace syncline::sql
