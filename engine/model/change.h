#pragma once

#include <cstdint>
#include <optional>

#include "engine/model/row.h"
#include "engine/model/row_clock.h"
#include "engine/model/value.h"

namespace syncline {

enum class Op : uint8_t {
  kUpsert = 1,  // the row's new state
  kDelete = 2,  // the row is gone
  kMark = 3,  // no row: takes an offset so that a cut can be closed when there is nothing else left
              // to write
};

// One row's new state, or its deletion. Plain value type.
struct Change {
  Op op = Op::kUpsert;
  uint32_t table = 0;  // index into Frame::tables; 0 for kMark
  Row row;  // kUpsert: all columns of the schema; kDelete: the key columns in key order; kMark:
            // empty
  // The cursor column's value; NULL for kMark, and where the table has no cursor.
  Value version;
  std::optional<Value> previous;  // the version of the row's state that this one follows in the
                                  // log; none: there was no row, be it that the key is new or that
                                  // a deletion came before
  std::optional<Lineage> lineage = {};  // of a log whose database is written to from others, too

  bool operator==(const Change&) const = default;
};

}  // namespace syncline
