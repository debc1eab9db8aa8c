#pragma once

#include <cstdint>
#include <optional>

#include "engine/model/value.h"

namespace syncline {

// The moment that a version stands for, in microseconds since 2000-01-01 UTC; a local time counts
// as UTC, and infinite ones as the ends of the range. Nothing for a value that is no time.
std::optional<int64_t> StampOf(const Value& version);
// The other way round: a version of that type for the moment; a moment itself for other types.
Value VersionAt(Type type, int64_t stamp);

}  // namespace syncline
