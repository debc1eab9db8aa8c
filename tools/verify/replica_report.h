#pragma once

#include <cstdint>

#include "tools/support/terminal.h"
#include "tools/support/value_json.h"
#include "tools/verify/replica_comparison.h"

namespace syncline::cli {

// Of each table's rows at most `rows_max` are shown, 0: all. `merge`: with what would win where.
// The names are those of FindingsJson: "missing" are rows that the second database lacks, "extra"
// those that only it has.
Json ReplicasJson(const ReplicaResult& findings, uint64_t rows_max, bool merge);
void PrintReplicas(const ReplicaResult& findings, uint64_t rows_max, bool merge, Terminal& out);

}  // namespace syncline::cli
