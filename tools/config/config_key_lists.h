#pragma once

#include <span>
#include <string_view>

#include "tools/config/config_key.h"

namespace syncline::cli {

inline constexpr Place kTop = Place::kTop;
inline constexpr Place kDefaults = Place::kDefaults;
inline constexpr Place kPipeline = Place::kPipeline;
inline constexpr Place kTwoWay = Place::kTwoWayPipeline;
inline constexpr Place kTable = Place::kTable;

// What a key of durations takes, in words.
inline constexpr std::string_view kDurations = "a duration such as 200ms, 5s, 1m, 2h or 1d";

// The parts of the table that ConfigKeys() puts together, each in the order of the manual.
// Constants, for any thread.

std::span<const ConfigKey> FileKeys();  // of the file and of `retain`
std::span<const ConfigKey>
PipelineKeys();                          // of pipelines, and what they hand to none of their tables
std::span<const ConfigKey> TableKeys();  // of tables, most of which pipelines and defaults may have
std::span<const ConfigKey> TwoWayKeys();  // of pipelines of two directions only

}  // namespace syncline::cli
