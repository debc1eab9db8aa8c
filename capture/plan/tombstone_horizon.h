#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "capture/plan/tombstone_sql.h"
#include "engine/model/value.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Tombstones have a horizon at the source: up to that cursor they are not complete, since they were
// dropped, or (SQLite) the triggers were made only then. A log that has not read up to there (it
// was restored from a backup, or cut by a repair, or nobody captured for a long time) lacks
// deletions that no tombstone tells of any more. On PostgreSQL the horizon is the comment of the
// tombstones' table, where triggers that were made anew are told by their ids; on SQLite it is a
// row of that table whose key is NULL, which captures of earlier builds pass over. It never goes
// back.

// Drops the tombstones that are older than so many seconds, and moves the horizon, in one
// transaction of a role that owns the table; how many there were. Throws as Session does.
uint64_t PruneTombstones(sql::Session& owner, const TombstoneShape& shape, int64_t seconds);

// What a poll has to know of a table's tombstones besides their rows. Plain value type.
struct TombstoneExtent {
  Value pruned;   // the horizon, comparable with the tombstones' cursor; NULL: none was dropped
  Value reached;  // SQLite: no tombstone that comes later is numbered up to here; NULL: not known
};

// SQL expressions for both, as texts; within a poll's snapshot they fit its rows.
sql::Sql PrunedSql(const TableName& table, Dialect dialect);
sql::Sql ReachedSql(const TableName& table, Dialect dialect);
// What they return. A text that is neither, as somebody else's comment, counts as NULL.
TombstoneExtent ParseExtent(const std::optional<std::string>& pruned,
                            const std::optional<std::string>& reached, Dialect dialect);

}  // namespace syncline::capture
