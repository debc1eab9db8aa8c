#pragma once

#include <string>
#include <string_view>

#include "engine/sql/session.h"

namespace syncline::sql {

enum class Times {
  kNone,
  kLocal,  // without a time zone
  kZoned,  // with one, or in UTC by definition
};

// What a column holds, by a PostgreSQL column's type, also of arrays and ranges; of a SQLite column
// by what is declared. Pure.
Times TimesIn(const Column& column);

// The time zone with which sessions of the database begin: that of the role, the database or the
// server, whatever the session's own setting is; "UTC" for each zone that is UTC under another
// name. SQLite has none: "UTC".
std::string ConfiguredZone(Session& session);

// The name by which a database has configured `zone`, which is ConfiguredZone of another one: where
// both clocks have shown the same since 1970, as far as this server knows, its own; else `zone`.
std::string OwnNameOf(const std::string& zone, Session& session);

// Whether a zone is UTC under one of its names. Pure.
bool IsUtc(std::string_view zone);

// Whether two names are known to be those of one zone: zones of two names may be alike, and count
// as two, save those of UTC. Pure.
bool IsSameZone(std::string_view a, std::string_view b);

}  // namespace syncline::sql
