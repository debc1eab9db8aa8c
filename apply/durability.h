#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Rows and progress commit in one transaction (invariant 4), which is of no use where a crash of
// the target's server takes the rows back and not the progress. Throws UsageError where one of the
// tables, a partition or an heir of one, or one of Syncline's own is UNLOGGED or temporary: the
// server empties it after a crash. SQLite has none that could be meant. A query, however many
// tables there are.
void RequireDurable(sql::Session& session, std::span<const TableName> tables);

// What the settings of a target take from its commits. Plain value type.
struct DurabilityConcern {
  std::string message;
  std::string hint;
};

// As the session sees them. Of a SQLite file nothing: each session chooses for itself, and ours
// wait for the disk.
std::vector<DurabilityConcern> DurabilityConcerns(sql::Session& session);

}  // namespace syncline::apply
