#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/config/config_key.h"

namespace syncline::cli {

// The table of the configuration's keys: which there are, where each may stand, what its value has
// to be, what holds without it. YamlMap reads by it (unknown keys, wrong values, "did you mean"),
// `init` takes its comments from it, and tools/manual/make writes the manual's page from it. The
// entries stand in config_table_keys.cc (keys that a table may have) and config_pipeline_keys.cc
// (all others). To add a key: an entry there, and a line in the parser that asks for it; the steps
// are in .github/CONTRIBUTING.md.

// All keys, in the order of the manual.
std::span<const ConfigKey> ConfigKeys();

// The key of that name at that place; null: there is none.
const ConfigKey* FindKey(std::string_view name, Place place);

// The names of the keys at a place, in the order of the table.
std::vector<std::string> KeysAt(Place place);

// Where a key that has no place here belongs, of the outer places: "belongs to a pipeline or to
// defaults, not to a table". Empty for a key that none of them has, and for the keys of a mapping
// such as "every".
std::string BelongsTo(std::string_view name, Place here);

}  // namespace syncline::cli
