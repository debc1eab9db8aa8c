#pragma once

#include <string>

#include "apply/state/progress.h"
#include "apply/state/replica_log.h"
#include "engine/base/logger.h"
#include "engine/log/log_info.h"
#include "engine/log/prepared_appends.h"
#include "engine/sql/database_url.h"

namespace syncline::apply {

// What PreparedAppends::Prepare is told of a batch that moves the progress row to `to`.
std::string PreparedToken(const Progress& to);

// Finds out whether the batch of a prepared frame was committed in `database`, the log's own, and
// appends the frame if so, or drops it. Waits for a session that may still be committing it. Does
// nothing when there is no prepared frame. Throws as Session does; DamageError for a token that
// cannot be read.
void SettlePrepared(const sql::DatabaseUrl& database, PreparedAppends& log);

// Throws StopError when `database`, the log's own, is behind what the log knows of it: it was
// emptied, or restored from a backup, and what it lacks would count as its users' work. Before the
// log is told anything of it.
void CheckNotBehind(const sql::DatabaseUrl& database, PreparedAppends& log);

// In two directions, outside of a transaction and without the turn. A log that was made anew, be it
// `log`, which is applied, or the target's `own`, is compared from its beginning: the progress row,
// which tells of the one before, is taken away.
void FitToLogs(sql::Session& session, const std::string& pipeline, const LogInfo& log,
               ReplicaLog& own, Logger& logger);

}  // namespace syncline::apply
