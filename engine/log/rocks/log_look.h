#pragma once

#include <filesystem>

#include "engine/log/folder/mark.h"

namespace syncline {

// Whether everything that was acknowledged is in a log, for who is about to open it for writing:
// that deletes files which RocksDB does not know (any more). Cheap, whatever the log's size: a file
// of the store is whole or says that it is not when it is read, so holes can only be between files
// and in what the WAL holds. Looks at each file's border, and walks from the last one on. The
// caller has the log's lock. Throws DamageError. Private to engine/log.
void LookForHoles(const std::filesystem::path& folder, const Mark& mark);

}  // namespace syncline
