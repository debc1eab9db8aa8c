#pragma once

#include <rocksdb/status.h>

#include <string_view>

#include "engine/base/error.h"

namespace syncline {

// The one place where a RocksDB status becomes an Error. `doing` says what was being done to what,
// as the start of a sentence: "writing to the log in /data/log".
//   no space: kRetry; other I/O errors: kRetry, unless a person must act (permission, read-only
//   file system) or RocksDB calls them fatal (a failed sync): kStop; corruption: kDamage; busy,
//   timed out: kRetry.
Error ToError(const rocksdb::Status& status, std::string_view doing);

// What is done when the base is read, for `doing`.
inline constexpr std::string_view kReadingBase = "reading the log's base";

// Throws ToError unless the status is ok.
void ThrowIfBad(const rocksdb::Status& status, std::string_view doing);

}  // namespace syncline
