#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apply/state/progress.h"
#include "engine/base/offset.h"
#include "tools/status/log_history.h"
#include "tools/verify/table_comparison.h"

namespace syncline::cli {

// How a row differs, seen from the source.
enum class Difference { kMissing, kExtra, kDiffering };
std::string_view DifferenceName(Difference difference);  // "missing", "extra", "differing"

// Why: which of the three has something else than the others.
enum class Why {
  kAltered,   // the target: the log holds what the source has
  kParked,    // the same, and the change waits in the quarantine
  kKept,      // the same, and a conflict was decided for the target's row
  kMissed,    // the log: capture has not seen the source's row as it is
  kNoCursor,  // the same, and never will: the row's cursor column is NULL
  kGone,      // the log: the source's row is gone, and the log does not say so
};
std::string_view WhyName(Why why);  // "altered" ...

// A row that differs for good. Plain value type.
struct DivergentRow {
  RowPair pair;
  Difference difference = Difference::kDiffering;
  Why why = Why::kAltered;
  bool log_is_source = false;
  bool target_is_log = false;
  std::optional<LoggedState> logged;  // at the target's offset; none: the log never had the row
  std::vector<std::string> columns;   // of the target that differ
  std::string reason;                 // of kParked and kKept
};

struct VerifiedTable {
  const ComparedTable* table = nullptr;  // the Verification's
  uint64_t equal = 0;
  uint64_t in_flight = 0;  // not compared: apply has yet to bring what the log has of them
  std::vector<DivergentRow> rows;
  std::vector<TableComparison::LargeRow> large;  // not compared: they are too large
  uint64_t repeated = 0;  // rows of the source that have the key of another one, which is compared
  uint64_t unread = 0;    // rows among which there are more that differ, beyond the limits

  uint64_t count(Difference difference) const;
  bool is_equal() const;
};

struct VerifyResult {
  std::string pipeline;
  apply::Progress progress;  // of the target, in the first cut
  Offset end;                // of the log, then
  std::vector<VerifiedTable> tables;

  bool equal() const;
  uint64_t in_flight() const;
};

}  // namespace syncline::cli
