#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"

namespace syncline::cli {

// "200ms", "5s", "1m", "2h", "1d": a whole number and its unit, nothing else. Nothing if the text
// is not one or does not fit.
std::optional<Microseconds> ParseDuration(std::string_view text);

// What ParseDuration takes, for messages.
inline constexpr std::string_view kDurationForms = "a duration such as 200ms, 5s, 1m, 2h or 1d";

// For people: "0.3 s", "4.2 s", "3 min 20 s", "2 h 5 min", "6 d 3 h". Negative counts as zero.
std::string FormatDuration(Microseconds duration);

// ISO 8601 with six digits and a Z: "2026-01-31T23:59:59.000000Z".
std::string FormatTime(WallTime time);
// ISO 8601, with T or a blank between date and time; without a zone it is UTC. Nothing if the text
// is not one.
std::optional<WallTime> ParseTime(std::string_view text);

}  // namespace syncline::cli
