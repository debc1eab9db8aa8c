#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/base/clock.h"
#include "engine/model/schema.h"

namespace syncline::capture {

// The tables that a stored cursor tells of; none for one that cannot be read.
std::set<TableName> TablesOf(const std::string& cursor);

// Of those the ones whose rows in the log have yet to be looked for on the source, since nothing
// tells of all their deletions: some of the rows may be gone.
std::set<TableName> TablesOwingDeletions(const std::string& cursor);

// Of each table that has any, how many rows stay at the source, since they are too large or cannot
// be read.
std::map<TableName, uint64_t> RowsSetAside(const std::string& cursor);

// The source's clock when the poll began that a stored cursor comes of; nothing for one that does
// not tell. Does not parse the whole cursor.
std::optional<WallTime> SourceTimeOf(const std::string& cursor);

}  // namespace syncline::capture
