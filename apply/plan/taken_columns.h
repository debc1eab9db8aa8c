#pragma once

#include <memory>

#include "apply/batch/quarantined_change.h"
#include "apply/plan/apply_plan.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// The part of a captured table that one pipeline takes. The log holds what any pipeline of its
// source takes; of that a target must not come to hold, beside its tables, more than its own
// pipeline does: what is parked there passes through here. Plain value type.
class TakenColumns {
 public:
  explicit TakenColumns(const ApplyPlan& plan);

  // The schema of what is taken. Where the plan leaves the source's cursor out, a last column
  // stands for it, without a name and of Type::kNull: NULL in every row.
  const std::shared_ptr<const TableSchema>& schema() const { return schema_; }

  // The step, one under the plan's schema, without the values of columns that are not taken:
  // versions are among them if the cursor is. QuarantinedChange::left_out counts the columns.
  QuarantinedChange Of(QuarantinedChange step) const;

 private:
  ApplyPlan plan_;
  bool takes_all_ = false;
  uint32_t left_out_ = 0;
  std::shared_ptr<const TableSchema> schema_;
};

}  // namespace syncline::apply
