#pragma once

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// The type that `column`, captured from a database of dialect `from`, gets when it is added to
// table `target`: by the table of types in engine/sql; between two PostgreSQL databases the
// target's own name of what the source names (sql::ResolveType, which refuses a stranger's). Throws
// StopError, 42704, where the target has no such type.
sql::Sql TypeOnTarget(sql::Session& session, Dialect from, const Column& column,
                      const TableName& target);

// The same for a statement that is only shown: where the target has no such type, its name.
sql::Sql TypeToShow(sql::Session& session, Dialect from, const Column& column,
                    const TableName& target);

}  // namespace syncline::apply
