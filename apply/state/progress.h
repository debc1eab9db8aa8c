#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/offset.h"
#include "engine/log/log_info.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// The row that a pipeline has in `syncline_progress` on its target. It is the resume point, the
// guard that makes each change take effect once, and the fence between two processes that apply the
// same pipeline (invariant 4).
struct Progress {
  std::string pipeline;
  std::string log_id;
  uint64_t epoch = 0;
  Offset next;  // everything before is in the target
  // The highest `next` that the row ever had. A row that was set back lies before it: until there
  // the target holds later states of the log, and they are no conflicts.
  Offset reached;
  // Of the frame that ends at `next`; 0 when `next` is inside a frame or 0. While the log's base is
  // being read it is counted up instead, so that the row moves.
  uint64_t frame_hash = 0;
  std::string updated_at;  // the target's clock

  bool operator==(const Progress&) const = default;
};

// All progress rows on a target; empty when it has no syncline_progress table.
std::vector<Progress> ListProgress(const sql::DatabaseUrl& target);

// The row can go on in this log: it is of the log's epoch, or of an earlier one whose history the
// log shares up to the row's offset; then the next batch gives it the log's epoch. Throws
// UsageError when the row belongs to another log, DamageError when the target has what the log has
// lost; both name `target`.
void CheckFollows(const Progress& progress, const LogInfo& log, std::string_view target);

// The parts that a target is made of. All use the session's current transaction, save
// EnsureProgressTable, which must be called outside of one.

// Makes syncline_progress when it is missing (own_tables.h).
void EnsureProgressTable(sql::Session& session);
std::optional<Progress> ReadProgress(sql::Session& session, const std::string& pipeline);
// Moves the row from `from` (nothing: there is none yet) to `to`, if it still is `from`; else
// throws RestartError, and the transaction must be rolled back. Holds the row's lock until the
// transaction ends.
void AdvanceProgress(sql::Session& session, const std::optional<Progress>& from,
                     const Progress& to);

// Keeps batches of the pipeline, and commands that work on its quarantine, waiting until the
// session's transaction ends.
void LockProgress(sql::Session& session, const std::string& pipeline);
// Takes the row away.
void EraseProgress(sql::Session& session, const std::string& pipeline);

}  // namespace syncline::apply
