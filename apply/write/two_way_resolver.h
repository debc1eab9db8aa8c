#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/batch/keyed_rows.h"
#include "apply/plan/apply_plan.h"
#include "apply/statements/write_sql.h"
#include "apply/write/conflict_images.h"
#include "apply/write/row_looks.h"
#include "apply/write/write_task.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Writes the changes of one table in a pipeline of two directions: looks at each target row under
// its lock and at what the target's own log knows of it; has what its users have changed logged
// first, so that no state is overwritten that the log does not hold (invariant 6); decides by the
// row clocks; writes what won.
//
// Borrows everything; belongs to the session's thread and works in its current transaction.
class TwoWayResolver {
 public:
  // `number` tells this one's temporary table from those of others in the session.
  TwoWayResolver(sql::Session& session, const ApplyPlan& plan, const TargetShape& shape,
                 size_t number);

  // All of the task's rows. Counts and conflicts are added to the task's, and what became of rows
  // to its LocalLogChanges. Throws RestartError when a user was quicker to insert a row.
  void Settle(WriteTask& task);

 private:
  // The task's rows as the target's log knows them; parallel to its changes.
  struct Known {
    std::shared_ptr<const TableSchema> table;
    std::vector<Row> keys;
    std::vector<std::optional<IndexEntry>> entries;
  };
  std::shared_ptr<const TableSchema> OwnSchema(LocalLogChanges& local) const;
  std::vector<Row> OwnKeys(const WriteTask& task, const TableSchema& own);
  std::vector<Look> LookAt(const WriteTask& task);
  // Numbers of rows whose state the log does not hold; `captured`: although it was told.
  std::vector<uint32_t> Unlogged(const Known& known, std::span<const Look> looks, bool captured);
  std::vector<Look> LookUntilLogged(const WriteTask& task, Known& known);
  TwoWayDecision DecideOn(const WriteTask& task, uint32_t number, const Known& known,
                          const Look& look) const;
  void TakeStoredKeys(Known& known, std::span<const Look> looks);
  void Note(const WriteTask& task, uint32_t number, const Known& known, TwoWayAction action,
            bool exists) const;
  void Write(WriteTask& task, const Known& known, std::span<const uint32_t> there,
             std::span<const uint32_t> missing);
  void Suppress(WriteTask& task, const Known& known, uint32_t number) const;

  sql::Session& session_;
  const ApplyPlan& plan_;
  const TargetShape& shape_;
  const TableName keys_;  // the temporary table
  RowLooks looks_;
  ConflictImages images_;
};

}  // namespace syncline::apply
