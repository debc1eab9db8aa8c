#pragma once

#include <string>

#include "tools/config/config.h"
#include "tools/config/defaults.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// How rows that have changed are found: the keys `capture` and `cursor`, and what follows from them
// for other keys of a table.

// Reads both into `defaults`, which holds what the outer places say: of two places that name one of
// them each the more specific one counts. A place that has both says by `capture` which counts; the
// column stays for tables that say `capture: cursor`.
// `zone`: of a cron that has none of its own.
void ReadCapture(YamlMap& map, const std::string& zone, Defaults& defaults, Mistakes& mistakes);

// Takes over into `rule`, a table that `map` says, what holds for it: method, cursor, deletions,
// rule for conflicts. Adds a mistake for what does not go together.
void TakeCapture(YamlMap& map, const Defaults& own, TableRule& rule, Mistakes& mistakes);

}  // namespace syncline::cli
