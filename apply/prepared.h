#pragma once

#include <string>

#include "apply/progress.h"
#include "engine/log/change_log.h"
#include "engine/sql/database_url.h"

namespace syncline::apply {

// What ChangeLog::Prepare is told of a batch that moves the progress row to `to`.
std::string PreparedToken(const Progress& to);

// Finds out whether the batch of a prepared frame was committed in `database`, the log's own, and
// appends the frame if so, or drops it. Waits for a session that may still be committing it. Does
// nothing when there is no prepared frame. Throws as Session does; DamageError for a token that
// cannot be read.
void SettlePrepared(const sql::DatabaseUrl& database, ChangeLog& log);

}  // namespace syncline::apply
