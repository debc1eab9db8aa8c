#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/log/log_info.h"

namespace syncline {

// What can be saved of a log. Plain value type.
struct LogRemains {
  LogInfo info;
  Offset begin;
  Offset whole;                // every frame before this is there and right
  std::optional<Offset> next;  // acknowledged; none: the durable mark is lost
};

// Looks; leaves the log as it is. Works beside a running writer, but may then see less. Throws
// DamageError when nothing can be saved, EnvironmentError when there is no log.
LogRemains FindRemains(const std::filesystem::path& folder);

// What RepairLog has done. Plain value type.
struct LogRepair {
  LogInfo info;                   // of the log that is in the folder now
  Offset end;                     // where it ends
  std::filesystem::path kept;     // where the damaged one lies now
  bool finished_earlier = false;  // nothing but the rest of a repair that had been cut off
};

// Puts a new log into the place of a damaged one: the same frames up to `truncate_at`, the same log
// id, the next epoch. The damaged one stays, beside it, under a name with the time.
//
// Takes the writer's lock. The new log is built, synced and checked in FOLDER.repair; then the two
// folders are exchanged. A crash at any moment leaves the damaged log in its place, or the new one
// and the damaged one under FOLDER.repair, or, on a file system that cannot exchange, FOLDER.repair
// alone, which capture refuses to take for "no log". The next call finishes what was begun, and
// does nothing else.
//
// Throws EnvironmentError when a writer runs, UsageError when no frame ends at `truncate_at`,
// DamageError when the log is not whole up to there; all leave the log as it was.
LogRepair RepairLog(const std::filesystem::path& folder, Offset truncate_at, Clock& clock);

}  // namespace syncline
