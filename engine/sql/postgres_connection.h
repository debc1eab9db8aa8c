#pragma once

#include <libpq-events.h>
#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "engine/base/error.h"
#include "engine/sql/database_url.h"
#include "engine/sql/postgres_error.h"
#include "engine/sql/session.h"

namespace syncline::sql {

struct FinishConnection {
  void operator()(PGconn* connection) const { ::PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { ::PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

// One connection to a PostgreSQL server with two drivers on it: libpqxx for ordinary statements,
// libpq for what libpqxx lacks (binary COPY out, pipelines). The connection is ours: libpqxx
// borrows it through a connection policy and can neither close nor reopen it, so a lost connection
// is an error and never a silent new session.
//
// Errors of both drivers arrive here the same way: libpq reports every result to an event
// procedure, which keeps the fields of the last error (libpqxx's exceptions lose the SQLSTATE of
// some, and mix row values into the message).
class PostgresConnection {
 public:
  // Connects, within connect_timeout (10 s where the URI sets none), and fixes the session's
  // settings (postgres_settings.h). A pooler that gives one server session to several clients is
  // refused before anything is set (postgres_pooler.h).
  PostgresConnection(const DatabaseUrl& url, const std::string& application, bool read_only);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  PGconn* handle() const { return handle_.get(); }
  const std::string& display() const { return display_; }

  // One or more statements without parameters; the result of the last.
  pqxx::result Run(const std::string& sql);
  // One statement, with $1, $2 ...
  pqxx::result Run(const std::string& sql, const Parameters& parameters);

  // The first error that the server reported since the last ForgetError.
  const std::optional<PostgresReport>& report() const { return report_; }
  void ForgetError() { report_.reset(); }
  // That error, translated; a lost connection is kRetry whatever else was reported.
  Error LastError() const;
  // For calls to libpq itself: throws LastError unless the result has the expected status.
  ResultPtr Expect(PGresult* result, ExecStatusType expected);

 private:
  class Borrowed;  // the libpqxx connection

  static int OnEvent(PGEventId event, void* info, void* self);
  static void OnNotice(void* self, const PGresult* notice);
  void Keep(const PGresult* result);
  pqxx::result Guard(const std::function<pqxx::result(pqxx::transaction_base&)>& run);
  void Connect(const DatabaseUrl& url, const std::string& application);
  void Configure(bool read_only);
  Error ConnectError() const;

  const std::string display_;
  std::optional<PostgresReport> report_;
  std::unique_ptr<PGconn, FinishConnection> handle_;
  std::unique_ptr<Borrowed> pqxx_;
};

}  // namespace syncline::sql
