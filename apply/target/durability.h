#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "apply/rules/table_mapping.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Rows and progress commit in one transaction (invariant 4), which is of no use where a crash of
// the target's server takes the rows back and not the progress. Throws UsageError where one of the
// tables, a partition or an heir of one, or one of Syncline's own is UNLOGGED or temporary: the
// server empties it after a crash. SQLite has none that could be meant. A query, however many
// tables there are.
void RequireDurable(sql::Session& session, std::span<const TableName> tables);

// A table can be altered at any time. Belongs to the session's thread.
class DurabilityWatch {
 public:
  // Within a transaction that has written, whose tables stay as they are until it ends:
  // RequireDurable for all targets of `mappings`, unless that was asked within the last second.
  void Look(sql::Session& session, const std::map<TableName, TableMapping>& mappings);

 private:
  std::chrono::steady_clock::time_point looked_;
};

// What the settings of a target take from its commits. Plain value type.
struct DurabilityConcern {
  std::string message;
  std::string hint;
};

// As the session sees them. Of a SQLite file nothing: each session chooses for itself, and ours
// wait for the disk.
std::vector<DurabilityConcern> DurabilityConcerns(sql::Session& session);

}  // namespace syncline::apply
