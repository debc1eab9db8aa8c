#pragma once

#include "tools/run.h"
#include "tools/value_json.h"

namespace syncline::cli {

// What `runs` and `status` tell of a run to programs.
Json RunJson(const Run& run);

}  // namespace syncline::cli
