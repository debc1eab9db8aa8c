#pragma once

#include <vector>

#include "engine/base/clock.h"
#include "tools/status/pipeline_health.h"
#include "tools/support/terminal.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// How `status` tells of pipelines: to programs, and to people.
Json HealthJson(const PipelineHealth& health);
void PrintHealth(const std::vector<PipelineHealth>& all, const Clock& clock, Terminal& out);

}  // namespace syncline::cli
