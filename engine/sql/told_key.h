#pragma once

#include <cstddef>
#include <string_view>

namespace syncline::sql {

// A row that is too large is told by the beginning of its key where the key itself is too large for
// that. Keys that come behind the whole come behind its beginning, too.
inline constexpr size_t kKeyBytesTold = 256;

// Of a text none of whose characters is cut.
inline std::string_view BeginningOf(std::string_view key, bool is_text) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(key[at]); };
  size_t size = key.size() < kKeyBytesTold ? key.size() : kKeyBytesTold;
  if (is_text && size < key.size()) {
    while (size > 0 && (byte(size) & 0xc0) == 0x80) --size;
  }
  return key.substr(0, size);
}

}  // namespace syncline::sql
