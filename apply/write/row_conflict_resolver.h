#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apply/plan/apply_plan.h"
#include "apply/statements/write_sql.h"
#include "apply/write/conflict_images.h"
#include "apply/write/row_looks.h"
#include "apply/write/write_task.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Settles the rows that compare-and-set has left open: looks at each target row under its lock,
// decides by the rule (Decide), keeps what lost as a Conflict, and writes what won. Slower than
// TableWriter's statements by a round trip for some hundred rows, and needed only where the target
// is not what the log says.
//
// Borrows everything; belongs to the session's thread and works in its current transaction.
class RowConflictResolver {
 public:
  RowConflictResolver(sql::Session& session, const ApplyPlan& plan, const TargetShape& shape);

  // Takes task.open down to nothing; counts and conflicts are added to the task's. Throws StopError
  // with a refusal for a change of which nobody can tell whether it is later than the target's row,
  // and for one whose key is another row's there.
  void Settle(WriteTask& task);

 private:
  void RefuseTaken(const WriteTask& task);
  void SettleSome(WriteTask& task, std::span<const uint32_t> numbers,
                  std::vector<uint32_t>& still_open);
  Decision DecideOn(const WriteTask& task, uint32_t number, const Look& look) const;

  sql::Session& session_;
  const ApplyPlan& plan_;
  const TargetShape& shape_;
  RowLooks looks_;
  ConflictImages images_;
  const sql::Sql overwrite_;
  const sql::Sql erase_;
  const sql::Sql insert_;
  const sql::Sql taken_;
};

}  // namespace syncline::apply
