#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "tools/config/plan.h"
#include "tools/service/stage_watch.h"

namespace syncline::cli {

// What a run of `--once` has done with one table of one pipeline, or, where nothing is applied, of
// one source. Plain value type.
struct TableOutcome {
  std::string owner;                                   // the pipeline, or the source
  std::string table;                                   // of the source
  std::optional<capture::TableTally::Counts> reading;  // none: nothing was captured
  std::optional<apply::WriteCounts> writing;           // none: nothing was applied
  uint64_t set_aside = 0;  // rows that stay at the source, whichever run has met them
};

// In the order of the plan; `captures` and `applies` say which halves have run. A table that
// several pipelines take stands once for each of them, with what was read of it for all.
std::vector<TableOutcome> OutcomesOf(const Plan& plan, const Activity& activity, bool captures,
                                     bool applies);

// "p items: read 3, captured 3, written 1, refused 2, newer 0, conflicts 0, seconds 0.012", and,
// where rows stay at the source, ", set aside 2".
std::string Line(const TableOutcome& outcome);

// An error that says how many rows have not come to the targets, by table, whichever run has met
// them: changes that a target refuses, and rows that stay at the source; nothing if there are none.
// Asks the targets of pipelines for which `activity` says so.
std::optional<Error> RowsLeft(const Plan& plan, const Activity& activity,
                              const std::vector<TableOutcome>& outcomes);

}  // namespace syncline::cli
