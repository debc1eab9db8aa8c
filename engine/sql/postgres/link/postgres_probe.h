#pragma once

#include <libpq-fe.h>

#include <chrono>

#include "engine/sql/database_url.h"

namespace syncline::sql {

// What a server says of the process that serves a session.
enum class BackendState {
  kWorking,     // it is at a statement
  kNotWorking,  // it has none, waits for us, or is gone: the answer that is waited for never comes
  kUnknown,     // the server answers, but does not tell
  kSilent,      // the server does not answer
};

// One session as another one sees it. Both functions use a connection of their own, to the same
// server as the session's, and return by `until`. Belongs to the session's thread.
class PostgresProbe {
 public:
  // `process`: pg_backend_pid(). Borrows both.
  PostgresProbe(const DatabaseUrl& url, PGconn* session, int process)
      : url_(url), session_(session), process_(process) {}

  BackendState Ask(std::chrono::steady_clock::time_point until) const;
  // Cancels its statement (pg_cancel_backend); false when that could not be.
  bool Cancel(std::chrono::steady_clock::time_point until) const;

 private:
  const DatabaseUrl& url_;
  PGconn* const session_;
  const int process_;
};

}  // namespace syncline::sql
