#pragma once

#include <memory>

#include "engine/sql/session.h"

namespace syncline::test {

// A session as a user's program has it: names without a schema mean those of `public`, while
// Syncline's own sessions have no search_path.
inline std::unique_ptr<sql::Session> OpenAsUser(const sql::DatabaseUrl& url,
                                                const sql::SessionOptions& options = {}) {
  auto session = sql::Session::Open(url, options);
  if (session->dialect() == Dialect::kPostgres) session->Execute("SET search_path = public");
  return session;
}

}  // namespace syncline::test
