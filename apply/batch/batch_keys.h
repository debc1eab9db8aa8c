#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "apply/batch/batch.h"
#include "engine/model/row.h"

namespace syncline::apply {

// Which keys a batch has steps for, in little memory: of each table the first and the last, and of
// one that the log does not have in key order the keys' hashes. Plain value type.
class BatchKeys {
 public:
  BatchKeys() = default;
  explicit BatchKeys(const std::vector<TableChanges>& tables);

  // False only if no key is in both.
  bool MayMeet(const BatchKeys& other) const;

 private:
  struct OfTable {
    Row first, last;
    std::vector<uint64_t> hashes;  // sorted; empty: not made
  };

  static bool AreApart(const OfTable& a, const OfTable& b);

  std::map<TableName, OfTable> tables_;
};

}  // namespace syncline::apply
