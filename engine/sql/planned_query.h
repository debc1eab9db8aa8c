#pragma once

#include "engine/sql/session.h"

namespace syncline::sql {

// Session::Query for a statement on the system's catalogue that is run for one table after the
// other: PostgreSQL plans it once in a session, which takes longer than to run it. Not for users'
// tables, which are altered: the server refuses a plan whose columns have other types by then.
// SQLite: the same as Session::Query. Throws as it does.
ResultSet QueryPlanned(Session& session, const Sql& sql, const Parameters& parameters);

}  // namespace syncline::sql
