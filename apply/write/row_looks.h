#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/plan/apply_plan.h"
#include "apply/statements/write_sql.h"
#include "apply/write/write_task.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// What the target's rows are that changes are to be written over, seen under their locks.
//
// Where the target has no type for moments (SQLite, and columns of text or numbers anywhere), it is
// the program that compares the versions, by CompareStamps: as stored they order by their form. In
// SQLite the program compares the other values, too, where SQLite finds them different: one value
// may be stored in several forms (IsSameValue).
//
// Borrows everything; belongs to the session's thread and works in its current transaction.
class RowLooks {
 public:
  RowLooks(sql::Session& session, const ApplyPlan& plan, const TargetShape& shape);

  // Of the task's rows of those numbers, parallel to them. A state that the change passes over
  // counts as one that it follows, where `passed` says so.
  std::vector<Look> At(const WriteTask& task, std::span<const uint32_t> numbers, Follows follows,
                       bool passed);

 private:
  struct Statements {
    sql::Sql look, look_up_to;
  };

  void Compare(const WriteTask& task, uint32_t number, Follows follows, bool passed,
               const std::optional<std::string>& stored, Look& look) const;
  void LookForPassed(const WriteTask& task, std::span<const uint32_t> numbers,
                     std::vector<Look>& looks);
  void CompareForms(const WriteTask& task, std::span<const uint32_t> numbers,
                    std::vector<Look>& looks);
  bool IsSame(const Row& row, const std::vector<std::optional<std::string>>& stored) const;
  size_t PlaceOfPrevious(const WriteTask& task) const;
  const Statements& For(const WriteTask& task) const { return task.deletion ? deletes_ : upserts_; }

  sql::Session& session_;
  const ApplyPlan& plan_;
  const TargetShape& shape_;
  const Statements upserts_;
  const Statements deletes_;
  const sql::Sql image_;
};

}  // namespace syncline::apply
