#pragma once

#include "capture/cursor/capture_cursor.h"
#include "capture/plan/capture_plan.h"
#include "capture/plan/table_mark.h"
#include "capture/polling/catalog_watch.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"

namespace syncline::capture {

// Whether the source is another database than the one that `cursor` tells of, or an earlier state
// of it that was put back. Pure.
bool IsReplaced(const CaptureCursor& cursor, const sql::DatabaseMark& now);

// How the table differs from the one that `cursor` tells of and whose mark was `before`. Pure.
TableChange ChangeOf(const CaptureCursor& cursor, const CatalogWatch& now, const CapturePlan& table,
                     const TableMark& before);

// Whether a file in WAL mode may be an earlier state than the one that `cursor` tells of, written
// over it: it was written since, and the highest stamp of the table, or of its tombstones, is not
// there any more. Whoever deletes the newest row makes it look so, too, which costs a comparison.
// One query by the cursor's index for each of both, where the file was written; else nothing.
bool MayBeOlder(sql::Session& session, const CapturePlan& table, const CaptureCursor& cursor,
                const sql::DatabaseMark& now);

// Says what has changed and what is done about it. `compares`: what the log holds and a replaced
// table lacks will be deleted.
void LogChange(Logger& logger, const CapturePlan& table, const TableChange& change, bool compares);

// In two directions its old rows would count as new ones that users have made.
Error ReplacedNode(const CapturePlan& table);

}  // namespace syncline::capture
