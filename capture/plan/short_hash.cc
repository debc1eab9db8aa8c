#include "capture/plan/short_hash.h"

#include <fmt/format.h>

#include <cstdint>

namespace syncline::capture {

// FNV-1a, 64 bits.
std::string ShortHash(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 1099511628211u;
  return fmt::format("{:016x}", hash);
}

}  // namespace syncline::capture
