#include "engine/log/big_endian.h"

#include <bit>
#include <cstring>

namespace syncline::layout {
namespace {

// To or from the machine's own order.
uint64_t BigEndian(uint64_t value) {
  return std::endian::native == std::endian::big ? value : __builtin_bswap64(value);
}

}  // namespace

void AppendBigEndian64(std::string& out, uint64_t value) {
  const uint64_t bytes = BigEndian(value);
  out.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
}

void AppendBigEndian32(std::string& out, uint32_t value) {
  const uint64_t bytes = BigEndian(uint64_t{value} << 32);
  out.append(reinterpret_cast<const char*>(&bytes), sizeof value);
}

uint64_t ReadBigEndian64(const char* at) {
  uint64_t bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return BigEndian(bytes);
}

}  // namespace syncline::layout
