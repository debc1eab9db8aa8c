#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/rules/two_way_decision.h"
#include "engine/base/offset.h"
#include "engine/model/frame.h"

namespace syncline::apply {

// Consecutive changes of the log that reach the target in one transaction. Plain value type.
struct Batch {
  Offset begin;
  Offset end;
  uint64_t end_hash = 0;      // of the frame that ends at `end`; 0 when `end` is inside a frame
  bool closes_cut = false;    // after it the target mirrors one snapshot of the source
  std::vector<Frame> frames;  // exactly the changes in [begin, end): cut to size at both ends

  uint64_t changes() const { return end - begin; }
  std::string name() const;  // "offsets 5 to 9"
};

// What a batch makes of one key: the step from the state before its first change to the one after
// its last.
struct RowChange {
  Row key;        // the key columns' values, in key order
  Row row;        // all columns of the schema; empty for a deletion
  Value version;  // of the last change
  Offset offset;  // of the last change
  // Of the state that the FIRST change follows: what the target should hold.
  std::optional<Value> previous;
  // Of the batch's earlier changes of this key, in order. A target that was set back holds one of
  // these states when the batch ends behind the place where it had been; it is to be moved on just
  // the same.
  std::vector<Value> passed;
  bool passed_deletion = false;  // one of them is that there was no row
  // From the log's base, which does not hold every state: the highest version of those before. A
  // target's row up to here is taken for one of them.
  std::optional<Value> passed_up_to;
  std::shared_ptr<OriginInfo> origin = {};  // of changes that have a lineage
};

// All steps of a batch for one table under one schema; each key once, in key order.
struct TableChanges {
  std::shared_ptr<const TableSchema> schema;
  std::vector<RowChange> upserts;
  std::vector<RowChange> deletes;
  bool came_in_key_order = false;  // from the log, all of the table's, as those of a load do
};

bool KeyLess(const Row& a, const Row& b);

// Brings the steps into the order that TableWriter wants.
void SortByKey(TableChanges& changes);

// The schemas of the tables that `wanted` says yes to, in the log's order, each only where it is
// another one than before; of frames that begin before `again_before` none.
std::vector<std::shared_ptr<const TableSchema>> SchemasOf(
    const Batch& batch, const std::function<bool(const TableName&)>& wanted, Offset again_before);

// Combines the changes of each key, in the log's order, which is the truth (stamps may go
// backwards). A key is in one result only, even if the table's schema changed within the batch.
// Tables for which `wanted` says no, and marks, are left out; so are the deletions of tables whose
// rows are `kept`: what the batch has for the key before is its step then. Empties the batch's
// frames.
using TablePredicate = std::function<bool(const TableName&)>;
std::vector<TableChanges> Collapse(Batch& batch, const TablePredicate& wanted,
                                   const TablePredicate& kept = {});

}  // namespace syncline::apply
