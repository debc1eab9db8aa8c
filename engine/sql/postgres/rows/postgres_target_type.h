#pragma once

#include <libpq-fe.h>

#include <vector>

#include "engine/sql/postgres/link/postgres_connection.h"

namespace syncline::sql {

// The type of a parameter or column that text is sent for, as far as it matters that the server's
// input functions read some words of a date or time (now, today, tomorrow, yesterday) as the moment
// at which they read them. Plain value type.
struct TargetType {
  enum class Times {
    kNone,
    kMoment,     // a date, timestamp or timestamptz
    kTimeOfDay,  // time, timetz
    kInside,     // arrays and ranges of such, and types of users that have one somewhere
  };

  // One of the system's types; another one is taken to hold no time.
  TargetType(Oid type);  // NOLINT: a type's number says all of a type of the system's

  Oid oid;  // of a domain: of what it is based on
  Times times;
};

// What the server's catalogue says of types of users is asked for once a call, where there are any.
std::vector<TargetType> TargetTypesOf(PostgresConnection& connection,
                                      const std::vector<Oid>& types);

}  // namespace syncline::sql
