#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/rules/conflict.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Where conflicts come from: the same for all of a batch.
struct ConflictSource {
  std::string pipeline;
  std::string log_id;
  std::string source_origin;  // the databases' identities
  std::string target_origin;
};

// Makes `syncline_conflicts`, or only its index, when it is missing, where EnsureProgressTable
// makes its table. Outside of a transaction.
void EnsureConflictTable(sql::Session& session);

// Adds conflicts to the table, in the session's transaction, save those that are there already: at
// the same offset of the log, with the same two states and the same winner. A load of the log's
// base that begins again meets them a second time.
void RecordConflicts(sql::Session& session, const ConflictSource& source,
                     std::span<const Conflict> conflicts);

// A row of the table, as text.
struct ConflictRecord {
  uint64_t id = 0;
  std::string pipeline, detected_at, table, key, type, rule, winner, log_id, offset;
  std::string source_origin, target_origin, source_version;
  std::optional<std::string> target_version, source_row, target_row;
  std::optional<std::string> resolved_at, resolution;  // none: nobody has looked into it
};

struct ConflictFilter {
  std::optional<uint64_t> id;
  std::optional<std::string> pipeline;
  bool resolved_too = false;
  uint64_t limit = 0;  // the latest ones; 0: all
};

// Latest first; empty when the target has no such table.
std::vector<ConflictRecord> ListConflicts(const sql::DatabaseUrl& target,
                                          const ConflictFilter& filter);

// Those of a pipeline that nobody has looked into, of changes in that log; 0 when the target has no
// such table.
uint64_t CountUnresolved(const sql::DatabaseUrl& target, const std::string& pipeline,
                         const std::string& log_id);

// Takes conflicts away that turned out to be none.
void EraseConflicts(const sql::DatabaseUrl& target, const std::vector<uint64_t>& ids);

enum class Keep { kSource, kTarget };

// Writes the state that one side of a conflict had, and notes in the same transaction that this was
// done and when. The state that won must still be there: if somebody has changed the row since,
// throws UsageError, save with `force`. Throws UsageError too when there is no such conflict, or it
// is resolved. Returns what was done, in words.
std::string ResolveConflict(const sql::DatabaseUrl& target, uint64_t id, Keep keep, bool force);

}  // namespace syncline::apply
