#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string_view>

#include "engine/base/error.h"

// The folder of a log as the file system shows it, before RocksDB opens it. Private to engine/log.
namespace syncline::log_folder {

enum class State {
  kEmpty,  // not there, or nothing in it
  kStore,  // holds a RocksDB store
  kParts,  // holds some of a log's files, but not the one without which there is no store
  kOther,  // holds files that are none of ours
};

// Throws EnvironmentError when the folder cannot be looked at or is a file.
State Inspect(const std::filesystem::path& folder);

// Where the log's durable mark lies: made before the store, so that a folder with a store and
// without a mark has lost it.
std::filesystem::path MarkPath(const std::filesystem::path& folder);

// Where its consumers' marks lie.
std::filesystem::path ConsumersPath(const std::filesystem::path& folder);

// Where a repair builds the log that takes this one's place, and the name of the file in it that
// says so until the repair is over.
std::filesystem::path RepairPath(const std::filesystem::path& folder);
inline constexpr char kRepairName[] = "repair";
// The same for the copy that a salvage makes of a damaged log's files.
std::filesystem::path SalvagePath(const std::filesystem::path& folder);
inline constexpr char kSalvageName[] = "salvage";
// The name that a damaged log gets begins so, behind that of its folder.
inline constexpr char kDamagedSuffix[] = ".damaged-";
// Whether the log of that name would lie where a repair of the other one makes or keeps a folder.
bool IsInTheWayOf(std::string_view name, std::string_view other);
// Takes away a folder that a repair was to fill and has not begun to. Throws EnvironmentError, and
// leaves it as it is, when it is something else. Nothing where there is none.
void RemoveIfEmpty(const std::filesystem::path& folder);
inline constexpr char kControlName[] = "control";  // a socket: where the writer takes orders
inline constexpr char kPolledName[] = "polled";    // PollNoteFile

// There was a log in the folder, and files of it are gone.
Error IncompleteError(const std::filesystem::path& folder);

// Makes the folder and its parents, for this user alone, synced, so that a power cut cannot take
// back a log that has acknowledged something. Throws EnvironmentError.
void Make(const std::filesystem::path& folder);

// The process that holds the log's lock, if it is another one of this machine. Must not be called
// by a process that holds the lock itself: closing any descriptor of a file drops all of a
// process's POSIX locks on it.
std::optional<pid_t> LockHolder(const std::filesystem::path& folder);

}  // namespace syncline::log_folder
