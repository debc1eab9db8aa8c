#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/plan/key_fit.h"
#include "apply/rules/table_mapping.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// How rows captured under one schema become rows of one target table: the mapping, worked out
// against that schema. Plain value type.
struct ApplyPlan {
  std::shared_ptr<const TableSchema> schema;  // of the source
  TableName target;
  ConflictRule conflict = ConflictRule::kLatestWins;
  bool create = true;
  bool comes_back = false;  // for RefuseNarrowing: what the target holds goes back
  NewColumns new_columns = NewColumns::kEvolve;
  OnDelete on_delete = OnDelete::kDelete;
  std::string flag;            // OnDelete::kFlag: that column of the target; not among `columns`
  std::vector<uint32_t> take;  // indexes into schema->columns of those that reach the target
  std::vector<Column>
      columns;  // parallel to `take`: the source's column under its name on the target
  std::vector<uint32_t> key;  // indexes into `columns`, in key order
  // How the target's key columns take the source's keys; parallel to `key`, or empty: as they are.
  // Known once PrepareTargetTable has seen the target's table.
  std::vector<KeyFit> key_fits = {};
  std::optional<uint32_t>
      cursor;  // index into `columns`; none: omitted, or there is none: then only kSourceWins
  // Of schema->cursor_fallback; where one of the two is omitted, there is no cursor.
  std::optional<uint32_t> cursor_fallback;

  bool IsCursor(uint32_t column) const { return column == cursor || column == cursor_fallback; }
  // Every column of the source, in its order.
  bool TakesAll() const { return take.size() == schema->columns.size(); }
  std::vector<std::string> ColumnNames() const;
  std::vector<std::string> KeyNames() const;
};

// Throws UsageError when the mapping cannot work with that schema: a key column is omitted, the
// cursor column is omitted though the conflict rule needs it, two source columns get one name, or
// one gets that of the flag.
// Columns that the mapping names and the schema lacks are no error: the schema changes in the
// course of a log.
ApplyPlan PlanTable(std::shared_ptr<const TableSchema> schema, const TableMapping& mapping);

// Throws UsageError when two of the plan's columns, or one and the flag, are one column to a
// database of that kind: SQLite does not tell Name from name.
void RefuseOneName(const ApplyPlan& plan, Dialect target);

// Takes a column, an index into plan.columns that is not part of the key, out of the plan. Without
// its cursor column a plan can only go by kSourceWins.
void LeaveOut(ApplyPlan& plan, uint32_t column);

// The values of plan.columns out of a row of plan.schema.
Row TargetRow(const ApplyPlan& plan, const Row& row);

}  // namespace syncline::apply
