#pragma once

#include "engine/sql/sql_text.h"
#include "engine/sql/table_info.h"

namespace syncline::sql {

// The statement that fixes a session's settings, if the session is that of server process
// `backend`; else it changes nothing. One row: they are set.
//
// It is the first statement of a session, and runs under whatever search_path the database or the
// role has: every name in it says its schema, so that nobody's function or operator of the same
// name runs in its place. Afterwards the path is empty, and names without a schema mean those of
// the system. `read_only`: the session reads only, and only tables until it is told of others
// (Session::MayRead).
Sql SettingsSql(int backend, bool read_only);

// The statement that lets a session read what is in `reach` besides tables, where the server can
// tell it apart.
Sql KindsSql(Reach reach);

}  // namespace syncline::sql
