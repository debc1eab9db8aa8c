#pragma once

#include <map>
#include <string>
#include <vector>

#include "capture/plan/capture_plan.h"
#include "capture/plan/tombstone_horizon.h"
#include "capture/plan/tombstone_sql.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// What tombstones of that table have to be made of, as the source's catalogue has it now. Throws
// UsageError for what is no table.
TombstoneShape DescribeTombstones(sql::Session& session, const CapturePlan& table);

// What there is of them on the source.
struct TombstoneState {
  std::string problem;  // what keeps deletions from being written down; empty: nothing
  std::string caution;  // works, but; empty: nothing to say
  // Names this table and these triggers: where it has stayed the same, they have been at work all
  // the time. On SQLite it cannot tell one installation from the next.
  std::string stamp;
};
TombstoneState LookAtTombstones(sql::Session& session, const TombstoneShape& shape);

// PostgreSQL: throws UsageError where the table's name is taken by what somebody else has made,
// with whom what the triggers write must not be trusted.
void RefuseForeignTombstones(sql::Session& session, const TombstoneShape& shape);
// The captured table's owner, where it could do what the triggers' function does and the session's
// role, as a superuser (or `whoever` it is that will), makes that for another role; else empty.
std::string OwnerForTombstones(sql::Session& session, const TableName& table, bool whoever);

// The table that the triggers fill, as a table to poll by itself: its columns are the key's, in key
// order, and its cursor. Its rows are the keys that are not in the captured table (any more, or as
// its `where` has it), in the same snapshot. Throws StopError when something is missing.
CapturePlan PlanTombstones(sql::Session& session, const CapturePlan& table);

// Sees to it that the triggers stay what they were when the tables were planned. Borrows both.
// Belongs to the session's thread.
class TombstoneWatch {
 public:
  TombstoneWatch(sql::Session& session, const std::vector<CapturePlan>& tables);

  // Within a snapshot, before its rows are believed. Throws RestartError when they are not:
  // planning the tables anew tells what has happened.
  void Check() const;

  // By captured table; as of the snapshot, after Check.
  std::map<TableName, TombstoneExtent> Extents() const;

 private:
  sql::Session& session_;
  std::vector<TableName> tables_;
  // One row for each table; empty: there is none to look at.
  sql::Sql sql_, extents_sql_;
  std::vector<std::string> stamps_;  // of the tables, hashed
};

}  // namespace syncline::capture
