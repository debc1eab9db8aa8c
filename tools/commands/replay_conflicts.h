#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apply/rules/table_mapping.h"
#include "engine/base/offset.h"
#include "engine/log/log_reader.h"
#include "engine/sql/database_url.h"

namespace syncline::cli {

// A replay over rows that are there already, as over a restored dump, meets states that the log has
// further on: while it is not there yet they look like somebody else's. Takes back the conflicts
// (CountUnresolved) whose target row had the version of a state that the log has of that key after
// the conflict's change and before `end`: both sides were the same. Reads the log up to there where
// there are conflicts; returns how many were taken back. Throws as LogReader and Session do.
uint64_t TakeBackKnownStates(LogReader& log, Offset end, const sql::DatabaseUrl& target,
                             const std::string& pipeline,
                             const std::vector<apply::TableMapping>& tables);

}  // namespace syncline::cli
