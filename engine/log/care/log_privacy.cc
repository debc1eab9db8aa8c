#include "engine/log/care/log_privacy.h"

#include <cstddef>
#include <string>
#include <system_error>

#include "engine/base/private_folder.h"
#include "engine/log/folder/log_folder.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr char kHistoryFiles[] = "runs.";

bool HoldsLog(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(log_folder::MarkPath(folder), ignored));
}

// Than logs and the history of runs; an empty folder may be meant for anything.
bool HoldsNothingElse(const fs::path& logs) {
  std::error_code error;
  size_t count = 0;
  for (fs::directory_iterator entry(logs, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    if (!path.filename().string().starts_with(kHistoryFiles) && !HoldsLog(path)) return false;
    ++count;
  }
  return !error && count > 0;
}

}  // namespace

bool KeepLogPrivate(const fs::path& folder) {
  return IsOwnFolder(folder) && HoldsLog(folder) && TightenFolder(folder);
}

bool KeepLogsFolderPrivate(const fs::path& logs) {
  return IsOwnFolder(logs) && HoldsNothingElse(logs) && TightenFolder(logs);
}

}  // namespace syncline
