#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/model/change.h"
#include "engine/model/schema.h"

namespace rocksdb {
class Iterator;
}

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
// folding. Belongs to one thread; made by LogReader::OpenBase, which it must not outlive.
class BaseReader {
 public:
  using FindSchema = std::function<std::shared_ptr<const TableSchema>(SchemaId)>;

  // For LogReader. `entries` iterates over the base family and needs `owner`. `failures` counts the
  // bases that did not add up.
  BaseReader(std::shared_ptr<void> owner, std::unique_ptr<rocksdb::Iterator> entries,
             FindSchema find_schema, std::shared_ptr<int> failures);
  BaseReader(const BaseReader&) = delete;
  BaseReader& operator=(const BaseReader&) = delete;
  ~BaseReader();

  const BaseInfo& info() const;

  // The tables that have entries. To be called before Next and SeekTable.
  std::vector<TableName> Tables();

  // From here on Next hands out the entries of that table and ends with them.
  void SeekTable(const TableName& table);

  // For who reads table by table, when each of Tables() was read to its end, in any order: throws
  // as Next at the end of the base. A table that is read once more is not counted again.
  void CheckWhole() const;

  // The next entries, at most `count`; none at the end. By then number and digest of all entries
  // have been found right; otherwise it throws RestartError, for what was read may have been a
  // moment's hole: read the base again. When that does not help, or cannot have been, DamageError.
  std::vector<BaseEntry> Next(size_t count);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
