#pragma once

#include <filesystem>

namespace syncline {

// LogCare::KeepPrivate, of the log in `folder`. Private to engine/log.
bool KeepLogPrivate(const std::filesystem::path& folder);

// LogCatalog::KeepPrivate, of the folder that logs lie in. Private to engine/log.
bool KeepLogsFolderPrivate(const std::filesystem::path& logs);

}  // namespace syncline
