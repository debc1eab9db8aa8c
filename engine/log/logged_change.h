#pragma once

#include <cstddef>

#include "engine/log/base_reader.h"
#include "engine/model/frame.h"

namespace syncline {

// One change of a frame, borrowed from it. Plain value type.
struct LoggedChange {
  const Frame& frame;
  size_t index;
  // Set for the last state of a row in a log's base, in a frame that is made up for it (FrameOf):
  // the states before it were folded.
  const BaseInfo* base = nullptr;

  const Change& change() const { return frame.changes[index]; }
  // Null for a kMark, which belongs to no table.
  const TableSchema* schema() const;
  Offset offset() const { return frame.header.base + index; }
  // True for the last change of a cut: the changes up to here are one snapshot of the source.
  bool closes_cut() const { return frame.header.closes_cut && index + 1 == frame.changes.size(); }
};

// An entry of a base as a frame with one change.
Frame FrameOf(BaseEntry entry);

}  // namespace syncline
