#pragma once

#include <cstdint>
#include <optional>

#include "engine/model/frame.h"

namespace syncline {

// How a log on RocksDB is kept. Plain value type.
struct RocksLogOptions {
  uint64_t memtable_bytes = 16u << 20;
  // RowIndex entries that may wait in memory; after a crash at most so much is read again.
  uint64_t index_pending_bytes = 8u << 20;
  // Of every frame. Not set: fast in bulk and as long as Append is called again and again without
  // a pause; else small.
  std::optional<Compression> compression = {};
};

}  // namespace syncline
