#pragma once

#include <filesystem>
#include <stop_token>

#include "engine/log/log_admin.h"

namespace syncline {

class LogStore;
struct Mark;

// What LogAdmin::Backup says, for a store and its durable mark as it is now. Private to
// engine/log.
LogBackup BackupStore(LogStore& store, const Mark& mark, const std::filesystem::path& into,
                      std::stop_token stop);

}  // namespace syncline
