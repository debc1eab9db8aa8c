#pragma once

#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/model/schema.h"
#include "engine/sql/database_url.h"

namespace syncline::apply {

// Whether an error may come from a privilege that the target's role lacks: PostgreSQL either says
// so, or does not find what it may not see.
bool MayLackPrivileges(const Error& error);

// The statements that give the role in `target` what apply needs and the role has not: to use the
// schemas and write these tables and Syncline's own, and to make staging tables. Empty when nothing
// is missing, and where that cannot be told (SQLite; no connection). Asks on a session of its own.
// Never throws.
std::string MissingGrants(const sql::DatabaseUrl& target, const std::vector<TableName>& tables);

}  // namespace syncline::apply
