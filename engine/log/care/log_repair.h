#pragma once

#include <filesystem>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/log/log_care.h"

namespace syncline {

// LogCare::FindRemains, of the log in `folder`. Private to engine/log.
LogRemains FindRemains(const std::filesystem::path& folder);

// LogCare::Repair, of the log in `folder`. Private to engine/log.
//
// Takes the writer's lock. The new log is built, synced and checked in FOLDER.repair; then the two
// folders are exchanged. The damaged one stays, beside it, under a name with the time. A crash at
// any moment leaves the damaged log in its place, or the new one and the damaged one under
// FOLDER.repair, or, on a file system that cannot exchange, FOLDER.repair alone, which capture
// refuses to take for "no log".
LogRepair RepairLog(const std::filesystem::path& folder, Offset truncate_at, Clock& clock);

}  // namespace syncline
