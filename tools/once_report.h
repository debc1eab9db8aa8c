#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "tools/plan.h"
#include "tools/stage_watch.h"

namespace syncline::cli {

// What a run of `--once` has done with one table of one pipeline, or, where nothing is applied, of
// one source. Plain value type.
struct TableOutcome {
  std::string owner;  // the pipeline, or the source
  std::string table;  // of the source
  std::optional<capture::TableTally::Counts> reading;  // none: nothing was captured
  std::optional<apply::WriteCounts> writing;           // none: nothing was applied
};

// In the order of the plan; `captures` and `applies` say which halves have run. A table that
// several pipelines take stands once for each of them, with what was read of it for all.
std::vector<TableOutcome> OutcomesOf(const Plan& plan, const Activity& activity, bool captures,
                                     bool applies);

// "p items: read 3, captured 3, written 1, refused 2, newer 0, conflicts 0, seconds 0.012".
std::string Line(const TableOutcome& outcome);

// An error that says how many changes the targets refuse, by table, whichever run has parked them;
// nothing if there are none. Asks the targets of pipelines for which `activity` says so.
std::optional<Error> Refusals(const Plan& plan, const Activity& activity);

}  // namespace syncline::cli
