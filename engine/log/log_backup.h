#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "engine/base/offset.h"

namespace syncline {

class LogStore;
struct Mark;

// What a backup holds. Plain value type.
struct LogBackup {
  Offset next;                // everything before is in it
  uint64_t bytes = 0;         // of all files
  uint64_t linked_bytes = 0;  // of them, of files that it shares with the log (hard links)
};

// What ChangeLog::Backup says, for a store and its durable mark as it is now. Private to
// engine/log.
LogBackup BackupStore(LogStore& store, const Mark& mark, const std::filesystem::path& into,
                      std::stop_token stop);

}  // namespace syncline
