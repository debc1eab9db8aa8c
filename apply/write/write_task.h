#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/rules/conflict.h"
#include "apply/statements/write_sql.h"
#include "apply/write/local_log_changes.h"
#include "apply/write/write_counts.h"
#include "engine/base/offset.h"

namespace syncline::apply {

// How changes are to be written.
struct WriteOptions {
  // Changes before it the target has had: what it holds instead of them is no conflict.
  Offset again_before;
  // Of two different states with one version the source's is taken.
  bool takes_ties = false;
  // PostgreSQL: all rows in one statement, however few, and new rows before changed ones, so that
  // rows which refer to each other need no order.
  bool whole = false;
  // PostgreSQL: all rows that are there are locked in key order before any is written. Otherwise
  // those in conflict are locked after the others, and users' transactions can meet a deadlock.
  bool locks_first = false;
  // UniqueValues has written to rows of this transaction: who wrote a row last says nothing then,
  // and each row is written by a statement of its own.
  bool freed = false;
  // Two directions: what the target's own log knows decides. Borrowed; null in one direction.
  LocalLogChanges* local_log = nullptr;
};

// The log knows of no state before this step.
inline bool IsFirst(const RowChange& change) { return !change.previous && !change.passed_up_to; }

// Upserts or deletions of one table that are written together, on their way. Borrows the changes.
struct WriteTask {
  const bool deletion;
  const std::span<const RowChange> changes;
  const WriteOptions& options;
  // The changes come from the log's base: the target may hold any state up to the previous version,
  // or none.
  const bool from_base;
  std::vector<Row> rows = {};       // parallel to `changes`: UpsertColumns or DeleteColumns
  std::vector<uint32_t> open = {};  // numbers of the rows that are not written yet, ascending
  std::vector<Conflict> conflicts = {};
  WriteCounts counts = {};

  std::vector<uint32_t> All() const {
    std::vector<uint32_t> numbers(changes.size());
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
  }
  std::vector<const Row*> Pointers(std::span<const uint32_t> numbers) const {
    std::vector<const Row*> pointers;
    pointers.reserve(numbers.size());
    for (const uint32_t number : numbers) pointers.push_back(&rows[number]);
    return pointers;
  }
  Follows follows() const { return from_base ? Follows::kAnyUpToThat : Follows::kPrevious; }
  // The target has had this change, or a later one.
  bool IsAgain(uint32_t number) const { return changes[number].offset < options.again_before; }
};

}  // namespace syncline::apply
