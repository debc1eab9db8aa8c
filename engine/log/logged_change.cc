#include "engine/log/logged_change.h"

#include <utility>

namespace syncline {

const TableSchema* LoggedChange::schema() const {
  return change().op == Op::kMark ? nullptr : frame.tables[change().table].get();
}

Frame FrameOf(BaseEntry entry) {
  Frame frame;
  frame.header.base = entry.offset;
  frame.header.count = 1;
  frame.tables = {entry.table};
  frame.changes = {Change{.op = entry.op,
                          .row = std::move(entry.row),
                          .version = std::move(entry.version),
                          .lineage = std::move(entry.lineage)}};
  return frame;
}

}  // namespace syncline
