#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "engine/log/log_catalog.h"

namespace syncline {

// The catalogue of a folder: each log is a folder in it, named as the log, with a RocksDB store.
// The folder may be missing; opening a log for writing makes it.
std::shared_ptr<const LogCatalog> FolderCatalog(std::filesystem::path folder);

// Whether the log of that name would lie where a repair of the other one makes or keeps a folder:
// one catalogue cannot have both. Pure.
bool IsInTheWayOf(std::string_view name, std::string_view other);

// The log that is that very folder.
LogRef FolderLog(std::filesystem::path folder);

}  // namespace syncline
