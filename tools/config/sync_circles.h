#pragma once

#include <vector>

#include "tools/config/mapped_table.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// Mistakes: tables that changes could go round in circles between, over pipelines of two directions
// that close a ring, or over others that lead back. The circle is named.
void RefuseCircles(const std::vector<MappedTable>& tables, Mistakes& mistakes);

}  // namespace syncline::cli
