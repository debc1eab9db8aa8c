#pragma once

#include <sqlite3.h>

namespace syncline::sql {

// Gives a connection the functions by which Syncline's own statements look at stamps where they are
// stored; nothing in the file's schema may use them.
//   syncline_moment(x)  microseconds since 2000-01-01 UTC, as ReadStamp reads x; NULL for what is
//                       no moment
//   syncline_form(x)    NameOf the FormOf x
void AddStampFunctions(sqlite3* handle);

// Has printf and format fail with SQLITE_TOOBIG, as all else that makes values does, where SQLite's
// own give NULL: for what is longer than the connection's limit. Nothing else about them changes,
// and schemas may use them as before.
void AddPrintFunctions(sqlite3* handle);

}  // namespace syncline::sql
