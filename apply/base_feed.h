#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "apply/batch.h"
#include "engine/log/base_reader.h"

namespace syncline::apply {

// Hands out the base of a log as steps for a target that holds everything before `from` and nothing
// after: rows that did not change since then are left out. Belongs to one thread; borrows the
// reader.
class BaseFeed {
 public:
  using Wanted = std::function<bool(const TableName&)>;

  BaseFeed(BaseReader& base, Offset from, Wanted wanted);

  // The next steps, of about `count` rows or `bytes` of them, whatever is reached first; nothing at
  // the end, when the whole base has been found right. Throws as BaseReader::Next.
  std::optional<std::vector<TableChanges>> Next(uint64_t count, uint64_t bytes);

 private:
  BaseReader& base_;
  const Offset from_;
  const Wanted wanted_;
};

}  // namespace syncline::apply
