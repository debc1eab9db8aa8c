#pragma once

#include <libpq-events.h>
#include <libpq-fe.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/sql/database_url.h"
#include "engine/sql/postgres/link/postgres_connect.h"
#include "engine/sql/postgres/link/postgres_error.h"
#include "engine/sql/postgres/link/postgres_probe.h"
#include "engine/sql/postgres/link/postgres_result.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// One connection to a PostgreSQL server. A lost connection is an error and never a silent new
// session.
//
// No call waits for ever. Where the server is silent for limits.stall it is asked, on a connection
// of its own, whether it is at work on the statement: then the wait goes on, however long it takes;
// otherwise the connection is given up, kRetry. So it is when the grace of a stop is over; the
// statement is cancelled then, if the server still listens. A connection that was given up is lost.
//
// libpq reports every result to an event procedure, which keeps the fields of the first error:
// those of a connection that is lost come in several results. Belongs to its session's thread.
class PostgresConnection {
 public:
  // Connects, within connect_timeout (10 s where the URI sets none), and fixes the session's
  // settings (postgres_settings.h). A pooler that gives one server session to several clients is
  // refused before anything is set (postgres_pooler.h).
  PostgresConnection(const DatabaseUrl& url, const std::string& application, bool read_only);
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  PGconn* handle() const { return handle_.get(); }
  const std::string& display() const { return url_.display; }
  bool given_up() const { return given_up_; }

  // One or more statements without parameters; the result of the last.
  PostgresResult Run(const Sql& sql);
  // One statement, with $1, $2 ...
  PostgresResult Run(const Sql& sql, const Parameters& parameters);

  // The same for a statement that is run for one table after the other: planned once in a session.
  PostgresResult RunPlanned(const Sql& sql, const Parameters& parameters);

  // A COPY, in the direction that is expected.
  void StartCopy(const Sql& sql, ExecStatusType expected);
  // False when the server takes no more: EndCopy tells why.
  bool PutCopyData(std::string_view data);
  // Ends a COPY to the server; with a reason it fails for that reason. Throws what the server says.
  void EndCopy(const char* reason);

  // The text for calls to libpq itself. Throws UsageError when it names something by more bytes
  // than PostgreSQL takes, which would cut the name and mean another.
  const char* TextOf(const Sql& sql) const;

  // For calls to libpq itself, none of which may wait. Throws LastError unless a PQsend... was
  // taken.
  void Sent(int status) const;
  // Until what was sent is with the network.
  void Flush();
  // The next result, or null at the end of a statement's.
  ResultPtr Next();
  // Takes all results of what was sent; the last one, or LastError if one of them is an error.
  ResultPtr Await();
  // Until the socket is ready; for what.
  short WaitFor(short events);
  // Ends the statement that is under way; its results are still to be taken. Gives the connection
  // up, and throws, when the server cannot be told.
  void CancelStatement();

  // The first error that the server reported since the last ForgetError.
  const std::optional<PostgresReport>& report() const { return report_; }
  void ForgetError() { report_.reset(); }
  // That error, translated; a lost connection is kRetry whatever else was reported.
  Error LastError() const;

 private:
  static int OnEvent(PGEventId event, void* info, void* self);
  static void OnNotice(void* self, const PGresult* notice);
  void Keep(const PGresult* result);
  std::vector<const char*> ValuesOf(const Parameters& parameters) const;
  void Configure(bool read_only);
  PostgresProbe probe() const { return {url_, handle(), process_}; }
  void GiveUp() noexcept;
  Error SilentError() const;

  const DatabaseUrl url_;
  std::optional<PostgresReport> report_;
  bool given_up_ = false;
  std::map<Sql, std::string> planned_;  // their names, as the server knows them
  int process_ = 0;                     // the server's, which serves this session
  ConnectionPtr handle_;
};

}  // namespace syncline::sql
