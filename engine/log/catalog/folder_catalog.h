#pragma once

#include <filesystem>
#include <memory>

#include "engine/log/log_catalog.h"

namespace syncline {

// The catalogue of a folder: each log is a folder in it, named as the log, with a RocksDB store.
// The folder may be missing; opening a log for writing makes it.
std::shared_ptr<const LogCatalog> FolderCatalog(std::filesystem::path folder);

// The log that is that very folder.
LogRef FolderLog(std::filesystem::path folder);

}  // namespace syncline
