#pragma once

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// For a session of a superuser on PostgreSQL: throws UsageError where writing to the table fires a
// trigger whose function belongs to a role that is none. It would run as the superuser, and give
// that role the server. For other roles a trigger of somebody else is that role's own matter, and
// `syncline check` names it.
void RefuseForeignTriggers(sql::Session& session, const TableName& table);

}  // namespace syncline::apply
