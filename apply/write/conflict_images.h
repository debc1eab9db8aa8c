#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "apply/plan/apply_plan.h"
#include "apply/rules/conflict.h"
#include "apply/statements/write_sql.h"
#include "apply/write/write_task.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Makes Conflicts of decided changes. Borrows everything; works in the session's transaction.
// Belongs to the session's thread.
class ConflictImages {
 public:
  ConflictImages(sql::Session& session, const ApplyPlan& plan, const TargetShape& shape);

  // What is known without the target's row.
  Conflict Of(const WriteTask& task, uint32_t number, ConflictType type, bool source_won) const;
  // Adds the target's rows, which are locked, to conflicts; `numbers` are theirs.
  void Add(const WriteTask& task, std::span<const uint32_t> numbers, std::span<Conflict> conflicts);

 private:
  std::string VersionText(const RowChange& change) const;

  sql::Session& session_;
  const ApplyPlan& plan_;
  const TargetShape& shape_;
  const sql::Sql upserts_;
  const sql::Sql deletes_;
};

}  // namespace syncline::apply
