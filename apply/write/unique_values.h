#pragma once

#include <string>
#include <vector>

#include "apply/statements/write_sql.h"
#include "apply/write/write_task.h"
#include "engine/base/error.h"
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
  // another row of the batch is to have: the column gets a random value, or NULL, until the batch
  // gives the row its own new value. Only from rows in the state that the change follows: those do
  // get one. Columns of other types than text, numbers, uuid and bytes that may not be NULL are
  // left as they are. Throws ValuesWouldBeLost when a trigger on the target stamps such a row.
  void Free(const WriteTask& upserts, const WriteTask& deletes);

 private:
  struct Index {
    sql::Sql wanted, held_by_upsert, held_by_delete;
    sql::Sql vacate_upsert, vacate_delete;
  };

  void Vacate(const sql::Sql& vacate, const sql::Sql& look, std::vector<const Row*> rows);

  sql::Session& session_;
  const TableName table_;
  sql::Sql look_upsert_, look_delete_;  // empty without versions
  std::vector<Index> indexes_;
};

// A refusal, after which nothing of the transaction may stay: a row would not get its new value.
Error ValuesWouldBeLost(const TableName& table);

}  // namespace syncline::apply
