#pragma once

#include <cstdint>
#include <optional>

#include "engine/base/clock.h"

namespace syncline {

// What a log keeps as frames. Plain value type.
struct RetentionPolicy {
  std::optional<Microseconds> keep_for;  // frames younger than this
  std::optional<uint64_t> keep_bytes;    // no more than this on disk, whoever still needs them
  uint64_t rate_bytes = 32u << 20;       // of row data that may be folded in a second
  // Deletions that every consumer has seen are kept, too: in two directions an older state of the
  // row may still come from elsewhere, and must not bring it back.
  bool keep_deletions = false;
  bool operator==(const RetentionPolicy&) const = default;
};

}  // namespace syncline
