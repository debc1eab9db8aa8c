#pragma once

#include <string>
#include <string_view>

#include "engine/sql/session.h"

namespace syncline::sql {

// The time zone with which sessions of the database begin: that of the role, the database or the
// server, whatever the session's own setting is. SQLite has none: "UTC".
std::string ConfiguredZone(Session& session);

// Whether a zone is UTC under one of its names. Pure.
bool IsUtc(std::string_view zone);

// Whether two names are known to be those of one zone: zones of two names may be alike, and count
// as two, save those of UTC. Pure.
bool IsSameZone(std::string_view a, std::string_view b);

}  // namespace syncline::sql
