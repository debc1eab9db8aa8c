#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

// The folder of a log as the file system shows it, before RocksDB opens it. Private to engine/log.
namespace syncline::log_folder {

enum class State {
  kAbsent,  // not there, empty, or the leftovers of a log whose making was cut off
  kStore,   // holds a RocksDB store
  kOther,   // holds files that are none of ours
};

// Throws EnvironmentError when the folder cannot be looked at or is a file.
State Inspect(const std::filesystem::path& folder);

// Makes the folder and its parents, synced, so that a power cut cannot take back a log that has
// acknowledged something. Throws EnvironmentError.
void Make(const std::filesystem::path& folder);

// The process that holds the log's lock, if it is another one of this machine. Must not be called
// by a process that holds the lock itself: closing any descriptor of a file drops all of a
// process's POSIX locks on it.
std::optional<pid_t> LockHolder(const std::filesystem::path& folder);

}  // namespace syncline::log_folder
