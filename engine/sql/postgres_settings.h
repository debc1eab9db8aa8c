#pragma once

#include "engine/sql/sql_text.h"

namespace syncline::sql {

// The statement that fixes a session's settings, if the session is that of server process
// `backend`; else it changes nothing. One row: they are set.
//
// It is the first statement of a session, and runs under whatever search_path the database or the
// role has: every name in it says its schema, so that nobody's function or operator of the same
// name runs in its place. `read_only`: the session only reads.
Sql SettingsSql(int backend, bool read_only);

}  // namespace syncline::sql
