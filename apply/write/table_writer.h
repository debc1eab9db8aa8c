#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/plan/apply_plan.h"
#include "apply/statements/write_sql.h"
#include "apply/write/row_conflict_resolver.h"
#include "apply/write/two_way_resolver.h"
#include "apply/write/unique_values.h"
#include "apply/write/write_task.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// Writes the changes of one captured schema into one target table: by compare-and-set first, which
// settles all rows that the target has as the log says; RowConflictResolver does the rest. So no
// row is written on the strength of what it was some time ago: of a user of the target who writes
// at the same moment either everything is seen, or it comes later.
//
// Many rows go to PostgreSQL by COPY: new ones into the table itself, changed ones into a temporary
// table and by one statement from there. Few rows, and everything in SQLite, go by a prepared
// statement each. All ways decide alike.
//
// Borrows the session, belongs to its thread and lives no longer. Everything happens in the
// session's current transaction; after an exception that, or the part of it behind a savepoint, has
// to be rolled back.
class TableWriter {
 public:
  // From this many rows on, COPY and a set-based statement are the faster way.
  static constexpr size_t kStagedRowsMin = 200;
  // In a diagnosis new rows are copied from this many on: the COPY names the row that is refused.
  static constexpr size_t kCopiedRowsMin = 16;

  // `info` describes the plan's target as PrepareTargetTable left it. `number` tells this writer's
  // temporary tables from those of the session's other writers.
  TableWriter(sql::Session& session, ApplyPlan plan, const sql::TableInfo& info, size_t number);
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  // Each key at most once, `changes` in key order. Conflicts that were decided are appended to
  // `conflicts`. What a deletion does is the plan's on_delete.
  WriteCounts Upsert(std::span<const RowChange> changes, const WriteOptions& options,
                     std::vector<Conflict>& conflicts);
  WriteCounts Delete(std::span<const RowChange> changes, const WriteOptions& options,
                     std::vector<Conflict>& conflicts);

  // To be called before a transaction writes behind savepoints, many times over: makes the
  // temporary tables, which otherwise are made when they are needed, and has them truncated, since
  // what is rolled back stays in them and would be read again each time. `upserts` is all that is
  // to be written.
  void ExpectSavepoints(std::span<const RowChange> upserts);

  // Key columns, as texts, of the row that is there and that the target finds for the key of
  // `change`, an upsert that was refused; nothing where it finds none, or that row itself.
  std::optional<std::string> TakenBy(const RowChange& change);

  // Before both: lets unique values move between these rows (UniqueValues).
  bool has_unique_indexes() const { return unique_.any(); }
  void FreeUniqueValues(std::span<const RowChange> upserts, std::span<const RowChange> deletes,
                        const WriteOptions& options);

  // Whether new rows may be copied straight into the table, where one that is there already ends
  // the transaction; true at first.
  void set_may_copy(bool may) { may_copy_ = may; }
  // Upsert has done so since that was set.
  bool copied() const { return copied_; }

 private:
  // A set of a task's rows, ascending.
  using Numbers = std::vector<uint32_t>;
  // A temporary table for one kind of change.
  struct Stage {
    TableName name;
    sql::Sql create;
    std::vector<std::string> columns;
    bool created = false;
  };

  WriteCounts Write(WriteTask task, std::vector<Conflict>& conflicts);
  void CheckKeys(const WriteTask& task) const;
  ValueView Before(const WriteTask& task, const RowChange& change) const;
  // Makes task.rows of those numbers.
  void MakeRows(WriteTask& task, const Numbers& numbers) const;
  void WriteByStatement(WriteTask& task);
  uint64_t UpsertByStatement(WriteTask& task);
  bool Copies(const Numbers& firsts) const;
  void CopyStraight(const WriteTask& task, const Numbers& numbers);
  void Make(Stage& stage);
  void Load(WriteTask& task, const Numbers& numbers);
  void FindOpen(WriteTask& task);
  void WriteByRow(WriteTask& task);
  Stage& StageOf(const WriteTask& task) { return task.deletion ? deletes_ : upserts_; }

  sql::Session& session_;
  const ApplyPlan plan_;
  const TargetShape shape_;
  RowConflictResolver settler_;  // over the three before
  TwoWayResolver two_way_resolver_;
  UniqueValues unique_;
  // Deletions are ignored: a row that comes back meets its state from before the deletion, which
  // the log does not name. What is older than its new state, or as old, is taken for that.
  const bool takes_older_;
  Stage upserts_;
  Stage deletes_;
  bool may_copy_ = true;
  bool copied_ = false;
  size_t copied_min_ = kStagedRowsMin;
  sql::Sql empty_stage_ = "DELETE FROM ";
};

}  // namespace syncline::apply
