#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/batch/quarantined_change.h"
#include "apply/state/parked_change.h"
#include "apply/state/progress.h"
#include "engine/base/error.h"
#include "engine/log/log_info.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// A change and what the target says against it.
struct RefusedStep {
  QuarantinedChange step;
  TableName target;
  Error error;
  std::string taken_by = {};  // the key of the row that the target finds for this one's; or empty

  // As it is kept.
  std::string Reason() const;
};

// What one pipeline has in `syncline_quarantine` on its target: the refused changes, one for each
// key, and behind each of them at most one step that all later changes of that key have become. As
// long as a key is in here nothing of it reaches its table.
//
// Everything happens in the session's current transaction, in which the pipeline's progress row is
// locked: parked changes and progress commit together (invariant 4), and commands that work on the
// quarantine take the same lock. Belongs to one thread.
class Quarantine {
 public:
  // After a transaction that may have been rolled back: nothing that is known of the table counts.
  void Forget() { known_.reset(); }

  // Looks whether anybody has changed the pipeline's rows since, and reads their keys if so. Must
  // be the first call in every transaction.
  void Refresh(sql::Session& session, const std::string& pipeline);

  // Keys in here, which is refused changes.
  uint64_t size() const { return known_ ? known_->size : 0; }
  // Differs whenever the pipeline's rows do.
  std::string state() const { return known_ ? known_->state : ""; }

  struct Waiting {
    QuarantinedChange step;
    TableName target;
    uint64_t behind = 0;                 // id of the refused change
    std::optional<uint64_t> joins = {};  // id of what waits there already
  };
  // Moves those changes out of `tables` whose keys are in here. `target_of` gives a table's name on
  // the target.
  std::vector<Waiting> TakeWaiting(std::vector<TableChanges>& tables,
                                   const std::function<TableName(const TableName&)>& target_of);

  // Adds to the table. `at` says of which pipeline, log and epoch. Another Refresh is due
  // afterwards.
  void Park(sql::Session& session, const Progress& at, std::span<const RefusedStep> refused,
            std::vector<Waiting> waiting);

 private:
  struct Place {
    uint64_t refused = 0;
    std::optional<uint64_t> waiting;
  };
  struct Known {
    std::string state;  // changes whenever the pipeline's rows do
    std::map<TableName, std::unordered_map<std::string, Place>> keys;  // by source, then key bytes
    uint64_t size = 0;
  };

  // A row's id, waiting_for, source_table and key_bytes.
  static void Note(const std::vector<ValueView>& values, Known& known);

  std::optional<Known> known_;
};

// Makes syncline_quarantine when it is missing. Outside of a transaction.
void EnsureQuarantineTable(sql::Session& session);

// The parked changes of a pipeline, or all with an empty name, in the log's order. Throws
// DamageError, which names the row, for one that Syncline has not written.
std::vector<ParkedChange> ReadQuarantine(sql::Session& session, const std::string& pipeline);
// The same, with a session of its own; empty when the target has no such table.
std::vector<ParkedChange> ListQuarantine(const sql::DatabaseUrl& target,
                                         const std::string& pipeline);
// Throws UsageError when changes of another log than this one, or of what this one has lost since,
// are parked for the pipeline: their offsets would be compared with this log's, and an older state
// could overwrite a newer one. Names `target`.
void CheckParked(sql::Session& session, const std::string& pipeline, const LogInfo& log,
                 std::string_view target);
// Refused changes of one pipeline.
uint64_t CountRefused(sql::Session& session, const std::string& pipeline);
// The same by table of the target; empty where the target has no quarantine.
std::map<std::string, uint64_t> CountRefusedByTable(const sql::DatabaseUrl& target,
                                                    const std::string& pipeline);
// Refused changes by pipeline.
std::map<std::string, uint64_t> CountQuarantine(const sql::DatabaseUrl& target);

// The same change with other columns.
void RewriteParked(sql::Session& session, uint64_t id, const QuarantinedChange& step);
void DeleteParked(sql::Session& session, std::span<const uint64_t> ids);
// Another try has been refused, maybe for another reason.
void UpdateReason(sql::Session& session, uint64_t id, const RefusedStep& refused);

}  // namespace syncline::apply
