#pragma once

#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Throws EnvironmentError, naming table, policies and remedy, where a row-level security policy of
// PostgreSQL applies to what this role reads of one of the tables: itself, or what is beneath a
// view. Rows that a policy hides would look as if they were deleted, or had never been. Does
// nothing for SQLite.
void RefuseRowSecurity(sql::Session& session, const std::vector<TableName>& tables);

}  // namespace syncline::capture
