#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/log/change_log.h"
#include "engine/log/log_reader.h"
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

// Opens the log in `folder`, or makes a new one for `source` (parent folders are made too).
// FORMAT.md is what lies there. Throws UsageError if the log there belongs to another source,
// EnvironmentError if it is locked by another writer or not writable, DamageError if what is there
// cannot be read or the last frame does not verify.
std::unique_ptr<ChangeLog> OpenRocksLog(const std::filesystem::path& folder,
                                        std::string_view source, Clock& clock,
                                        const RocksLogOptions& options = {});

// A reader beside the writer's process; also works when no writer runs. Throws EnvironmentError
// when there is no log in `folder`.
std::unique_ptr<LogReader> OpenRocksLogReader(const std::filesystem::path& folder, Clock& clock);

}  // namespace syncline
