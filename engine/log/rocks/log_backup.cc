#include "engine/log/rocks/log_backup.h"

#include <fmt/format.h>
#include <rocksdb/utilities/checkpoint.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>

#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/private_folder.h"
#include "engine/log/folder/consumers.h"
#include "engine/log/folder/log_folder.h"
#include "engine/log/folder/mark.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/store/private_env.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;
using log_folder::State;

// RocksDB flushes what is in memory before it links, so that a backup needs no WAL.
constexpr uint64_t kFlushAlways = 0;

// What a backup that was killed has left under a name of ours.
void RemoveRest(const fs::path& folder) {
  const State state = log_folder::Inspect(folder);
  if (state == State::kOther) {
    throw UsageError(folder.string() + " is in the way, and holds something else than a backup",
                     "move it away, or name another folder");
  }
  fs::remove_all(folder);
}

LogBackup Measure(const fs::path& folder, Offset next) {
  LogBackup made{.next = next};
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    made.bytes += entry.file_size();
    if (entry.hard_link_count() > 1) made.linked_bytes += entry.file_size();
  }
  return made;
}

LogBackup Make(LogStore& store, const Mark& mark, const fs::path& into, std::stop_token stop) {
  CheckWayTo(into);
  const fs::path part = into.string() + ".part";
  RemoveRest(part);
  RemoveRest(part.string() + ".tmp");  // RocksDB's own
  log_folder::Make(into.parent_path());
  try {
    rocksdb::Checkpoint* made = nullptr;
    ThrowIfBad(rocksdb::Checkpoint::Create(&store.db(), &made), "preparing a backup");
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    const rocks::NoFilesAfter stops(stop, part);
    const rocksdb::Status done = checkpoint->CreateCheckpoint(part, kFlushAlways);
    if (!done.ok() && stop.stop_requested()) {
      throw EnvironmentError(
          "the backup to " + into.string() + " was stopped, and nothing is there", "make it again");
    }
    ThrowIfBad(done, fmt::format("backing up the log in {} to {}", store.folder().string(),
                                 into.string()));
    Consumers(store.folder()).CopyTo(part, mark.log_id);
    MarkFile::Open(log_folder::MarkPath(part), mark);
    if (::rename(part.c_str(), into.c_str()) != 0) {
      throw EnvironmentError(
          fmt::format("renaming {} to {}: {}", part.string(), into.string(), std::strerror(errno)));
    }
    file::SyncFolder(into.parent_path());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw;
  }
  return Measure(into, mark.next);
}

}  // namespace

LogBackup BackupStore(LogStore& store, const Mark& mark, const fs::path& into,
                      std::stop_token stop) {
  try {
    if (fs::exists(into) && !(fs::is_directory(into) && fs::is_empty(into))) {
      throw UsageError(into.string() + " is there already, and not empty",
                       "name a folder that is not there: every backup has its own");
    }
    return Make(store, mark, fs::absolute(into / ".").lexically_normal().parent_path(),
                std::move(stop));
  } catch (const fs::filesystem_error& error) {
    throw EnvironmentError(error.what(), "check the disk and the folder's permissions");
  }
}

}  // namespace syncline
