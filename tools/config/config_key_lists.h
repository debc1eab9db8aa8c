#pragma once

#include <span>

#include "tools/config/config_keys.h"

namespace syncline::cli {

// The parts of the table that ConfigKeys() puts together, each in the order of the manual.
// Constants, for any thread.

std::span<const ConfigKey> FileKeys();  // of the file and of `retain`
std::span<const ConfigKey>
PipelineKeys();                          // of pipelines, and what they hand to none of their tables
std::span<const ConfigKey> TableKeys();  // of tables, most of which pipelines and defaults may have
std::span<const ConfigKey> TwoWayKeys();  // of pipelines of two directions only

}  // namespace syncline::cli
