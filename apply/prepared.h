#pragma once

#include <spdlog/logger.h>

#include <optional>
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

// In two directions, outside of a transaction. The row has to fit both logs: `log`, which is
// applied, and that of the target itself, which holds the token of the last batch that it took in
// from there (PreparedToken; none: none). A log that was made anew is applied from its beginning,
// and so is everything where the target's own was: the row is taken away then. Throws StopError
// when the target is behind what its log knows: it was emptied, or restored from a backup, and what
// it lacks would count as its users' work.
void FitToLogs(sql::Session& session, const std::string& pipeline, const LogInfo& log,
               const std::optional<std::string>& token, spdlog::logger& logger);

}  // namespace syncline::apply
