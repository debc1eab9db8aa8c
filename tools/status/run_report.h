#pragma once

#include "tools/history/run_record.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// What `runs` and `status` tell of a run to programs.
Json RunJson(const RunRecord& run);

}  // namespace syncline::cli
