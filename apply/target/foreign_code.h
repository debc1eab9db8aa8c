#pragma once

#include <vector>

#include "engine/base/logger.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Code that writing to one of the tables runs as the session's role, on PostgreSQL, and that
// belongs to a role that is not trusted (sql::FunctionsOf). Where the session's role is a superuser
// it would give that role the server: throws UsageError. For other roles it is that role's own
// matter: a warning names it, as `syncline check` does.
void LookAtForeignCode(sql::Session& session, const std::vector<TableName>& tables, Logger& logger);

}  // namespace syncline::apply
