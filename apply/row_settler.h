#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apply/conflict_images.h"
#include "apply/table_plan.h"
#include "apply/write_sql.h"
#include "apply/write_task.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// What Look*Sql has found of a row.
Look LookFrom(const sql::FirstRow& found);

// Settles the rows that compare-and-set has left open: looks at each target row under its lock,
// decides by the rule (Decide), keeps what lost as a Conflict, and writes what won. Slower than
// TableWriter's statements by a round trip for some hundred rows, and needed only where the target
// is not what the log says.
//
// Borrows everything; belongs to the session's thread and works in its current transaction.
class RowSettler {
 public:
  RowSettler(sql::Session& session, const TablePlan& plan, const TargetShape& shape);

  // Takes task.open down to nothing; counts and conflicts are added to the task's.
  void Settle(WriteTask& task);

 private:
  // The statements for one kind of change.
  struct Statements {
    sql::Sql look, look_up_to, force;
  };

  void SettleSome(WriteTask& task, std::span<const uint32_t> numbers,
                  std::vector<uint32_t>& still_open);
  std::vector<Look> LookAt(const WriteTask& task, std::span<const uint32_t> numbers);
  void LookForPassed(const WriteTask& task, std::span<const uint32_t> numbers,
                     std::vector<Look>& looks);
  Decision DecideOn(const WriteTask& task, uint32_t number, const Look& look) const;
  const Statements& For(const WriteTask& task) const { return task.deletion ? deletes_ : upserts_; }

  sql::Session& session_;
  const TablePlan& plan_;
  const TargetShape& shape_;
  ConflictImages images_;
  const Statements upserts_;
  const Statements deletes_;
  const sql::Sql insert_;
};

}  // namespace syncline::apply
