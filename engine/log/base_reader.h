#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/model/change.h"
#include "engine/model/schema.h"

namespace syncline {

// The base of a log: what its folded frames come to, namely the last state of every key. A target
// is rebuilt from the base and the frames that follow it.
struct BaseInfo {
  Offset as_of;           // the frames go on from here; 0: nothing has been folded
  uint64_t hash = 0;      // of the frame that ended at as_of
  WallTime written_at;    // of that frame
  bool cut_open = false;  // it did not close its cut
  // Of the keys that were deleted at or after this offset the deletions are in the base. A target
  // that has seen everything before it can be brought up to as_of by the base.
  Offset deletions_from;
  uint64_t entries = 0;
};

// The last state of one key.
struct BaseEntry {
  std::shared_ptr<const TableSchema> table;
  Offset offset;  // of the change that made it
  Op op = Op::kUpsert;
  Row row;  // as in Change
  Value version;
  // The highest version that a state before it had; none: it is the first. Stamps may go backwards:
  // a target's row up to here can be one of those states, and is to be moved on.
  std::optional<Value> highest_before;
  std::optional<Lineage> lineage = {};  // without what came before it, and by which way it came

  bool operator==(const BaseEntry&) const = default;
};

// Reads a base once, in key order, as it was when the reader was made, while the writer goes on
// folding. Made by LogReader::OpenBase, which it must not outlive.
//
// Call order: Tables, then either Next to the end; or, table by table, SeekTable and Next, and
// CheckWhole when each of Tables() was read to its end, in any order.
// Threads: one.
// Errors: RestartError when number and digest of all entries are not those that the base tells of
// itself, for what was read may have been a moment's hole: read the base again. When that does not
// help, or cannot have been, DamageError.
class BaseReader {
 public:
  BaseReader(const BaseReader&) = delete;
  BaseReader& operator=(const BaseReader&) = delete;
  virtual ~BaseReader() = default;

  virtual const BaseInfo& info() const = 0;

  // The tables that have entries.
  virtual std::vector<TableName> Tables() = 0;

  // From here on Next hands out the entries of that table and ends with them. A table that is read
  // once more is not counted again.
  virtual void SeekTable(const TableName& table) = 0;

  // Throws as Next at the end of the base.
  virtual void CheckWhole() const = 0;

  // The next entries, at most `count`; none at the end. By then they have been found right.
  virtual std::vector<BaseEntry> Next(size_t count) = 0;

 protected:
  BaseReader() = default;
};

}  // namespace syncline
