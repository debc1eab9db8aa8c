#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/support/terminal.h"
#include "tools/support/value_json.h"
#include "tools/verify/row_repair.h"
#include "tools/verify/verify_result.h"

namespace syncline::cli {

// What `verify` and `repair` tell of findings, for people and for programs.

// {"pipeline", "equal", "next_offset", "log_end", "tables": [..]}; of each table's rows that differ
// at most `rows_max`, 0: all. Rows are objects by the names that each side has.
Json FindingsJson(const VerifyResult& findings, uint64_t rows_max);

// A line for each table, then up to `rows_max` rows that differ, and why.
void PrintFindings(const VerifyResult& findings, uint64_t rows_max, Terminal& out);

// One row: its key, how it differs, and why, in words.
std::string RowText(const VerifiedTable& table, const DivergentRow& row);
// What `repair` does about it, in words.
std::string_view MendText(const DivergentRow& row, RepairStep mend);

}  // namespace syncline::cli
