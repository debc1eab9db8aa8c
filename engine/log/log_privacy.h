#pragma once

#include <filesystem>

namespace syncline {

// Takes the rights on a log's folder, and on all files in it, from all users but its own. True:
// there were some, which earlier builds left. False: there were none, or there is no log, or it is
// another user's, who lets this one read it. Opening a log for writing does the same without
// telling. Throws EnvironmentError as TightenFolder (engine/base/private_folder.h).
bool KeepLogPrivate(const std::filesystem::path& folder);

// The same for the folder that logs lie in. One that also holds something else than logs and the
// history of runs keeps its permissions.
bool KeepLogsFolderPrivate(const std::filesystem::path& logs);

}  // namespace syncline
