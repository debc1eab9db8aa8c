#pragma once

#include <string>
#include <vector>

#include "apply/write_sql.h"
#include "apply/write_task.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Lets values move from one row to another within a batch, although the target has a unique index
// on them that is enforced row by row: two rows that swap their values, a chain of rows, a new row
// that takes the value of one that is deleted further on.
//
// Borrows everything; belongs to the session's thread and works in its current transaction.
class UniqueValues {
 public:
  // `indexes` are the table's unique ones besides the key's (TableInfo::unique_indexes).
  UniqueValues(sql::Session& session, const TargetShape& shape,
               const std::vector<std::vector<std::string>>& indexes);

  bool any() const { return !indexes_.empty(); }

  // Locks the target's rows of the two tasks, whose rows are made, and takes away from them what
  // another row of the batch is to have: the column becomes NULL, or random where it may not be
  // NULL, until the batch gives the row its own new value. Only from rows in the state that the
  // change follows: those do get one. Columns of other types than text, numbers, uuid and bytes
  // that may not be NULL are left as they are. Throws StopError when a trigger on the target would
  // keep a row from getting its new value: nothing of the transaction may stay then.
  void Free(const WriteTask& upserts, const WriteTask& deletes);

 private:
  struct Index {
    std::string wanted, held_by_upsert, held_by_delete;
    std::string vacate_upsert, vacate_delete;
  };

  void Vacate(const std::string& sql, const std::vector<const Row*>& rows);

  sql::Session& session_;
  std::vector<Index> indexes_;
};

}  // namespace syncline::apply
