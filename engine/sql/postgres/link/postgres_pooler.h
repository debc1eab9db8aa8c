#pragma once

#include <libpq-fe.h>

#include "engine/sql/database_url.h"

namespace syncline::sql {

// For a connection that is not answered by the server process that it was told of: something stands
// in between. Returns the server process behind it when that belongs to this connection for as long
// as it is open (a pooler in session mode). Throws kStop when it is lent to others between two
// transactions or statements: settings, prepared statements, temporary tables and locks would be
// other clients', and theirs ours.
//
// Sets nothing and leaves nothing behind. Makes a second connection for the time of the call: where
// server processes are lent, one of the two sooner or later gets the other's. Takes some round
// trips; waits for at most some seconds. `url`: where the connection leads.
int RequireOwnBackend(PGconn* connection, const DatabaseUrl& url);

}  // namespace syncline::sql
