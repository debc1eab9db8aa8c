#pragma once

#include "tools/config/config.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// Adds a mistake for each two parts of the configuration that would write to one place: pipelines
// to one file of lines, and a log to where a repair of another one works.
void RefuseSharedPlaces(const Config& config, Mistakes& mistakes);

}  // namespace syncline::cli
