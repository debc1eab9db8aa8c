#pragma once

#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Keeps triggers and rules of those tables from changing, stamping or leaving out what the session
// writes until it ends. Nothing is done on PostgreSQL where there are none: foreign keys are
// checked then. Throws EnvironmentError, with the statements that help, where they cannot be kept
// quiet: some are made to fire always, or the role may not. The triggers of tombstones may fire:
// they write into a table of their own.
void KeepTriggersQuiet(sql::Session& session, const std::vector<TableName>& tables);

}  // namespace syncline::apply
