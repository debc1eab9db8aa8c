#pragma once

#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/model/schema.h"
#include "engine/sql/database_url.h"

namespace syncline::apply {

// The error, where it may come from a privilege that the target's role lacks, with a hint that
// gives the statements that help: those for all that apply needs and the role has not, which is to
// use the schemas, to write these tables and Syncline's own, and to make staging tables. Otherwise,
// and where it cannot be told, the error as it is. Asks on a session of its own. Never throws.
Error WithMissingGrants(const Error& error, const sql::DatabaseUrl& target,
                        const std::vector<TableName>& tables);

}  // namespace syncline::apply
