#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/rules/table_mapping.h"
#include "apply/state/conflict_table.h"
#include "apply/state/own_tables.h"
#include "apply/state/progress.h"
#include "apply/state/quarantine.h"
#include "apply/state/replica_log.h"
#include "apply/state/schema_watch.h"
#include "apply/target/diagnosis.h"
#include "apply/target/durability.h"
#include "apply/target/target_tables.h"
#include "engine/base/logger.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// How a target is written to.
struct TargetOptions {
  // How many refused changes of a pipeline the quarantine takes; the next one is an error, with 0
  // the first.
  uint64_t quarantine_limit = 0;
  bool quiet_triggers = false;  // KeepTriggersQuiet
};

// A target database, PostgreSQL or SQLite: takes batches, each in one transaction that also moves
// the pipeline's progress row (invariant 4).
//
// Is closed or open; after any exception from Apply only Close (and then Open) is allowed, and the
// target holds either the whole batch or nothing of it: only Apply's last step, the commit, can
// leave this unknown, and the progress row then tells. Belongs to one thread at a time.
//
// What the target refuses of a batch is found out in a transaction of its own, with savepoints,
// that is rolled back (Diagnose); the batch is then written without it, and without savepoints, in
// one transaction with the rows of the quarantine. Where nothing is refused nothing of this costs
// anything.
class SqlTarget {
 public:
  using Written = std::map<TableName, WriteCounts>;  // by target table

  // `source` names the database whose log is applied (LogInfo::source). In two directions Apply
  // takes the turn of the target's log, and tells it.
  SqlTarget(sql::DatabaseUrl url, std::vector<TableMapping> tables, std::string source,
            TargetOptions options, std::shared_ptr<Logger> logger, TwoWay two_way = {});
  ~SqlTarget();
  SqlTarget(const SqlTarget&) = delete;
  SqlTarget& operator=(const SqlTarget&) = delete;

  // Connects and makes Syncline's own tables when they are missing.
  void Open();
  void Close() noexcept;
  bool is_open() const { return session_ != nullptr; }
  // PostgreSQL: the server's process. Changes when Apply opens the session anew; from any thread.
  int backend() const { return backend_; }

  std::optional<Progress> ReadProgress(const std::string& pipeline);
  // Takes what the pipeline omits out of what Syncline keeps on the target beside its tables.
  void HideOmitted(const std::string& pipeline);

  // As TargetTables says.
  std::set<TableName> MissingTables() { return tables_.Missing(*session_); }
  std::vector<TableName> ParentsFirst() { return tables_.ParentsFirst(*session_); }

  // Moves the progress row from `from` to `to`, writes the tables' steps (each key once, sorted)
  // and what conflicts were decided, parks what is refused, commits; what was written. An error
  // names the table and `what` was applied. Throws RestartError when the row is not at `from` any
  // more, or when rows turn out not to be new to the target: then it has to be applied again, in
  // another way. `schemas` are those that the steps come under, as SchemaWatch wants them.
  //
  // With `turn` the steps are written while the row is not at `from` yet: what comes before them is
  // on its way in another session. `turn` is called when they are written, and returns when the row
  // has come. A refusal, or that rows are parked, is a RestartError then: there is no telling what
  // would have been without what comes before. The schemas are no news to the target.
  using Turn = std::function<void(sql::Session&)>;
  Written Apply(std::vector<TableChanges> tables, const std::string& what,
                const std::optional<Progress>& from, const Progress& to,
                const SchemaWatch::Schemas& schemas = {}, const Turn& turn = {});
  // Nothing was parked when the last batch began, nobody was in the way, and no row was there that
  // should not have been.
  bool is_calm() const {
    return quarantine_.size() == 0 && batches_locked_first_ == 0 && tables_.AllCopiedInto();
  }
  // Whether batches of that source table may be written ahead: IsPlainTable, KeysAreBytes. By
  // queries; Apply with `turn` looks again.
  bool IsPlain(const TableSchema& schema);

  // Whether a pipeline has that source table. From any thread.
  bool Wants(const TableName& table) const { return mappings_.contains(table); }
  // Whether rows stay there when the source's are gone. The same.
  bool KeepsDeleted(const TableName& table) const {
    return Wants(table) && mappings_.at(table).on_delete == OnDelete::kIgnore;
  }

  // What is to be written in one transaction. It may take several, of which one is committed.
  struct Work {
    std::vector<TableChanges> tables;  // each key once and sorted
    Progress at;                       // of which pipeline, log and epoch
    Offset again_before;               // WriteOptions
    // The first and the last of every transaction: `begin` locks the progress row, `end` is told
    // what was refused. Both may throw.
    std::function<void(sql::Session&)> begin;
    std::function<void(sql::Session&, std::span<const RefusedStep>)> end;
    bool park = false;                           // otherwise a refusal is an error
    bool is_ahead = false;                       // Apply: written before its turn
    std::function<uint64_t()> refused_max = {};  // asked after `begin`
    // Unique values may move from row to row, which the target enforces row by row.
    bool frees_unique_values = false;
  };
  Written Do(Work& work);
  // Outside of Do; the target is open.
  sql::Session& session() { return *session_; }

 private:
  // What a transaction does on its way.
  struct Writing {
    WriteOptions options;
    std::optional<LocalLogChanges> peer = {};
    bool diagnosed = false;  // or in a diagnosis: a refusal is passed on as it is
    bool is_ahead = false;   // Work::is_ahead: so is one that may come of what is not committed
    std::vector<Conflict> conflicts = {};
    Written written = {};
  };
  std::vector<Portion> PortionsOf(const std::vector<TableChanges>& tables, Writing& writing);
  WriteCounts Upsert(const TableTask& task, std::span<const RowChange> changes, Writing& writing);
  WriteOptions OptionsFor(const Work& work) const;
  void StartPeerWork(Writing& writing) const;
  void PrepareAlone(const Work& work);
  // `found`: what to leave out, and in which order the rest goes; null: everything as it is.
  void CheckPlain(const std::vector<TableChanges>& tables);
  Written Transact(Work& work, const BatchDiagnosis* found);
  BatchDiagnosis FindOut(Work& work);
  bool MayMoveValues();
  void FreeUniqueValues(const Work& work, const WriteOptions& options);
  // What of them may stand on the target.
  std::vector<Quarantine::Waiting> Taken(std::vector<Quarantine::Waiting> waiting);
  std::vector<RefusedStep> Refused(const BatchDiagnosis& found, std::span<const Portion> portions);
  void Reopen();

  const sql::DatabaseUrl url_;
  const std::string source_;
  const TargetOptions options_;
  const TwoWay two_way_;
  std::map<TableName, TableMapping> mappings_;  // by source; constant after construction
  const std::shared_ptr<Logger> logger_;

  int refusals_until_freed_ = 0;  // see MayMoveValues
  int batches_locked_first_ = 0;  // still to come, after a deadlock

  // What follows is as long-lived as the session.
  std::unique_ptr<sql::Session> session_;
  std::atomic<int> backend_ = 0;
  std::string identity_;
  OwnTables own_;
  TargetTables tables_;
  DurabilityWatch durability_;
  Quarantine quarantine_;
  SchemaWatch schemas_;
};

}  // namespace syncline::apply
