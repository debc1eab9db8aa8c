#pragma once

#include <string>
#include <vector>

#include "apply/conflict.h"
#include "apply/table_plan.h"
#include "apply/write_sql.h"
#include "apply/write_task.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Decides between a change and the target's rows of other keys that have a value of a unique index
// which the change is to have, where the table's mapping wants that (UniqueRule::kDecide).
//
// Borrows everything; belongs to the session's thread and works in its current transaction.
class UniqueContest {
 public:
  // `indexes` are the table's unique ones (TableInfo::unique_indexes).
  UniqueContest(sql::Session& session, const TablePlan& plan, const TargetShape& shape,
                const std::vector<std::vector<std::string>>& indexes);

  // Locks those rows, and deletes the ones that lose by the table's rule. False: one of them has
  // won, none is deleted, and the change is not to be written. Each contest is appended to
  // `conflicts`, both states kept. `row` is the change's, in UpsertColumns.
  bool Wins(const RowChange& change, const Row& row, const WriteOptions& options,
            std::vector<Conflict>& conflicts);

 private:
  sql::Session& session_;
  const TablePlan& plan_;
  const TargetShape& shape_;
  const std::string erase_;
  std::vector<std::string> holders_;  // a statement for each index
};

}  // namespace syncline::apply
