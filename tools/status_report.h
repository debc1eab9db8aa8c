#pragma once

#include <vector>

#include "engine/base/clock.h"
#include "tools/pipeline_health.h"
#include "tools/terminal.h"
#include "tools/value_json.h"

namespace syncline::cli {

// How `status` tells of pipelines: to programs, and to people.
Json HealthJson(const PipelineHealth& health);
void PrintHealth(const std::vector<PipelineHealth>& all, const Clock& clock, Terminal& out);

}  // namespace syncline::cli
