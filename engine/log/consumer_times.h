#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "engine/base/clock.h"

namespace syncline {

// When a consumer of the log in that folder last said how far it has come (LogReader::Acknowledge),
// by the clock of the folder's file system; none: it is not known.
std::optional<WallTime> ConsumerMovedAt(const std::filesystem::path& log_folder,
                                        const std::string& consumer);

}  // namespace syncline
