#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/offset.h"
#include "engine/log/log_info.h"

namespace syncline {

// What a look at every byte of a log has found. Plain value type.
struct LogVerification {
  LogInfo info;
  Offset begin;
  Offset end;                   // acknowledged when the look began
  std::optional<Offset> whole;  // every frame before this is there and right; none: not one could
                                // be looked at
  uint64_t frames = 0;          // these four: of what is whole
  uint64_t changes = 0;
  uint64_t row_bytes = 0;
  uint64_t cuts = 0;
  uint64_t base_entries = 0;
  uint64_t files = 0;  // of the store whose every block was checked
  uint64_t file_bytes = 0;
  bool finished = false;        // false when it was stopped, or stopped by damage
  bool base_damaged = false;    // which no cut can mend
  std::optional<Error> damage;  // the first that was found; a DamageError
};

// Walks the chain from its beginning to the durable mark, decoding every change, then the base, and
// then checks the blocks of every file of the store, also of those that readers never look into.
// Locks nothing, writes nothing, works beside a running writer. `progress` is called now and then,
// from this thread. Throws what is not damage (EnvironmentError when there is no log or no
// permission).
LogVerification VerifyLog(const std::filesystem::path& folder, Clock& clock, std::stop_token stop,
                          const std::function<void(const LogVerification&)>& progress);

}  // namespace syncline
