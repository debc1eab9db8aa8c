#include "tools/support/byte_size.h"

#include <charconv>
#include <limits>

namespace syncline::cli {
namespace {

struct SizeUnit {
  std::string_view name;
  uint64_t bytes;
};
constexpr SizeUnit kSizeUnits[] = {{"", 1},
                                   {"B", 1},
                                   {"kB", 1000},
                                   {"MB", 1000 * 1000},
                                   {"GB", 1000 * 1000 * 1000},
                                   {"TB", 1000ull * 1000 * 1000 * 1000},
                                   {"KiB", 1ull << 10},
                                   {"MiB", 1ull << 20},
                                   {"GiB", 1ull << 30},
                                   {"TiB", 1ull << 40}};

}  // namespace

std::optional<uint64_t> ParseByteSize(std::string_view text) {
  uint64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return {};
  std::string_view name(rest, text.data() + text.size() - rest);
  if (name.starts_with(' ')) name.remove_prefix(1);
  for (const SizeUnit& unit : kSizeUnits) {
    if (name != unit.name) continue;
    if (count > std::numeric_limits<uint64_t>::max() / unit.bytes) return {};
    return count * unit.bytes;
  }
  return {};
}

}  // namespace syncline::cli
