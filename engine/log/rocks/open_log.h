#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/log/change_log.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/rocks_log_options.h"

namespace syncline {

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
