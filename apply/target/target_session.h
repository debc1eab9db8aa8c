#pragma once

#include <memory>
#include <vector>

#include "apply/state/all_own_tables.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// A session that writes a target: with the settings that batches want, and Syncline's own tables
// made when they are missing (`own` is told of them). `two_way`: the database's own log is written
// in step with it. Throws as Session does.
// With `quiet` as KeepTriggersQuiet does for those tables, which may throw before anything is made.
std::unique_ptr<sql::Session> OpenTargetSession(const sql::DatabaseUrl& url, bool two_way,
                                                const std::vector<TableName>& quiet,
                                                OwnTables& own);

}  // namespace syncline::apply
