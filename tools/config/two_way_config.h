#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// Which keys a pipeline may have: those of two directions if it has `between`.
Place PlaceOfPipeline(const YAML::Node& node);

// Reads `between`, `max_skew`, `ahead` and `conflict: {prefer: ..}` of a pipeline; nothing for one
// that has no `between`. `known` are the databases.
std::optional<TwoWayChoice> ReadTwoWay(YamlMap& map, const std::string& pipeline,
                                       const std::vector<std::string>& known, Mistakes& mistakes);

// The pipelines that one with `two_way` consists of: into the second database, named NAME/SECOND,
// and back, named NAME/FIRST. `config` knows the databases. What
// its tables say that has no meaning in two directions is a mistake.
std::vector<PipelineConfig> BothDirections(const Config& config, PipelineConfig pipeline,
                                           Mistakes& mistakes);

}  // namespace syncline::cli
