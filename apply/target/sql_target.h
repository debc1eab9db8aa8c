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
#include "apply/state/all_own_tables.h"
#include "apply/state/conflict_table.h"
#include "apply/state/progress.h"
#include "apply/state/quarantine.h"
#include "apply/state/replica_log.h"
#include "apply/state/schema_watch.h"
#include "apply/target/diagnosis.h"
#include "apply/target/durability.h"
#include "apply/target/target.h"
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
  std::string pipeline = {};    // whose progress row Resume reads
};

// A target database, PostgreSQL or SQLite: takes batches, each in one transaction that also moves
// the pipeline's progress row (invariant 4).
//
// Only Apply's last step, the commit, can leave unknown whether the target holds the batch; the
// progress row then tells. Call order and threads: Target; MissingTables, ParentsFirst and what is
// of SqlTarget alone come outside of Apply and Do, while it is open.
//
// What the target refuses of a batch is found out in a transaction of its own, with savepoints,
// that is rolled back (Diagnose); the batch is then written without it, and without savepoints, in
// one transaction with the rows of the quarantine. Where nothing is refused nothing of this costs
// anything.
class SqlTarget : public Target {
 public:
  // `source` names the database whose log is applied (LogInfo::source). In two directions Apply
  // takes the turn of the target's log, and tells it.
  SqlTarget(sql::DatabaseUrl url, std::vector<TableMapping> tables, std::string source,
            TargetOptions options, std::shared_ptr<Logger> logger, TwoWay two_way = {});
  ~SqlTarget() override;

  const std::string& name() const override { return url_.display; }
  // Connects and makes Syncline's own tables when they are missing.
  void Open() override;
  void Close() noexcept override;
  bool is_open() const override { return session_ != nullptr; }

  // Takes what the pipeline omits out of what Syncline keeps on the target beside its tables.
  std::optional<Progress> Resume(const LogInfo& log) override;
  void Begin(const std::optional<Progress>&) override {}  // what was not committed is not there
  std::optional<Progress> ReadProgress(const std::string& pipeline);
  uint64_t CountRefused() override;

  // As TargetTables says.
  std::set<TableName> MissingTables() override { return tables_.Missing(*session_); }
  std::vector<TableName> ParentsFirst() override { return tables_.ParentsFirst(*session_); }

  // Moves the progress row from `from` to `to`, writes the tables' steps and what conflicts were
  // decided, parks what is refused, commits. An error names the table and the batch. Throws
  // RestartError, too, when rows turn out not to be new to the target: then it has to be applied
  // again, in another way.
  //
  // With `turn` a refusal, or that rows are parked, is a RestartError: there is no telling what
  // would have been without what comes before. The schemas are no news to the target then.
  Written Apply(TargetBatch batch, const std::optional<Progress>& from, const Progress& to,
                const Turn& turn = {}) override;

  bool TakesEveryChange() const override { return false; }
  bool Wants(const TableName& table) const override { return mappings_.contains(table); }
  bool KeepsDeleted(const TableName& table) const override {
    return Wants(table) && mappings_.at(table).on_delete == OnDelete::kIgnore;
  }

  // For PostgreSQL in one direction, where no two tables of the source come into one.
  std::unique_ptr<Target> MakeLane() const override;
  // IsPlainTable, KeysAreBytes. By queries.
  bool MayGoAhead(const TableSchema& schema) override;
  // Nothing was parked when the last batch began, nobody was in the way, and no row was there that
  // should not have been.
  bool is_calm() const override {
    return quarantine_.size() == 0 && batches_locked_first_ == 0 && tables_.AllCopiedInto();
  }
  // The server's process. Changes when Apply opens the session anew.
  int lane_id() const override { return backend_; }
  bool WaitsForLock(int lane_id) override;

  // The last batch is settled in the log of a pipeline of two directions.
  void AwaitSettled() override;
  void WarnOfLosses() override;
  Error Explain(const Error& error) const override;

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
    std::optional<LocalLogChanges> local_log = {};
    bool diagnosed = false;  // or in a diagnosis: a refusal is passed on as it is
    bool is_ahead = false;   // Work::is_ahead: so is one that may come of what is not committed
    std::vector<Conflict> conflicts = {};
    Written written = {};
  };
  std::vector<Portion> PortionsOf(const std::vector<TableChanges>& tables, Writing& writing);
  WriteCounts Upsert(const TableTask& task, std::span<const RowChange> changes, Writing& writing);
  WriteOptions OptionsFor(const Work& work) const;
  void StartLocalChanges(Writing& writing) const;
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
  void HideOmitted(const std::string& pipeline);
  std::vector<TableName> TargetNames() const;

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

// A target that is made for one stage.
TargetMaker SqlTargetAt(sql::DatabaseUrl url, std::vector<TableMapping> tables);

}  // namespace syncline::apply
