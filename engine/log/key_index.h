#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/offset.h"
#include "engine/model/change.h"
#include "engine/model/schema.h"

namespace syncline {

// The last state of a key that was logged. Plain value type.
struct IndexEntry {
  Fingerprint fingerprint;
  Offset offset;
  Value version;
  bool deleted = false;
  std::optional<RowClock> clock = {};
  bool operator==(const IndexEntry&) const = default;
};

// A row that the log holds, by its key's values in key order. Plain value type.
struct LoggedKey {
  Row key;
  Value version;
  bool operator==(const LoggedKey&) const = default;
};

// What a log holds of each key: the last state that was appended, also of keys whose frames
// retention has folded since. A key is a row of the key columns' values in key order.
//
// Call order: any; an answer tells about every frame whose Append has returned.
// Threads: the log's writing thread.
// Errors: as LogAppender, because the index is looked after with the log.
class KeyIndex {
 public:
  // The answer runs parallel to `keys`; nothing: the log never held that key.
  virtual std::vector<std::optional<IndexEntry>> Lookup(const TableName& table,
                                                        const std::vector<Row>& keys) = 0;
  // The rows of that table that are not deleted: those after `after` (nothing: from the first), at
  // most `count`. Fewer: these are the last. Ordered by the key's values one after the other:
  // numbers, times, texts and bytes by their value, decimals by their text.
  virtual std::vector<LoggedKey> NextKeys(const TableName& table, const std::optional<Row>& after,
                                          size_t count) = 0;

 protected:
  ~KeyIndex() = default;
};

// Of a log that holds changes of that table without a lineage, where one is needed: it was begun
// when nothing else wrote to `database`.
Error NoLineage(const TableName& table, std::string_view database);

}  // namespace syncline
