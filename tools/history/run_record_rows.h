#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/sql/session.h"
#include "tools/history/run_record.h"

namespace syncline::cli {

// What is read of runs.db. The file lies beside the logs and may have come with them from
// elsewhere: nothing in it is trusted to be what was written. All of these throw DamageError for
// something else.
using Field = std::optional<std::string>;
int64_t NumberOf(const Field& text);
WallTime TimeOf(const Field& text);
// Of id, pipeline, kind, state, process, started, ended, scheduled, missed, polls, captured,
// applied, written, newer, conflicts, refused, error.
RunRecord RunOf(const std::vector<Field>& row);

// Triggers and views would run what somebody else has written; a table of ours is a table, and has
// the columns that we know first. What a newer build may have added is left alone.
void CheckIsOurs(sql::Session& session);

}  // namespace syncline::cli
