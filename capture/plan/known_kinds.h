#pragma once

#include <map>
#include <string>

#include "engine/model/schema.h"
#include "engine/sql/table_info.h"

namespace syncline::capture {

// What the tables of a source were when they were read into the log.
using KnownKinds = std::map<TableName, sql::TableInfo::Kind>;

// As far as a cursor that is stored in the log tells; nothing for one that cannot be read.
KnownKinds KindsIn(const std::string& cursor);

// Throws where a table has become a view or a foreign table since it was read: what that is made of
// runs as our role, and whoever may rename tables must not decide it.
void RefuseOtherKind(const TableName& table, sql::TableInfo::Kind now, const KnownKinds& known);

}  // namespace syncline::capture
