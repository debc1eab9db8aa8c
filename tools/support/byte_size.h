#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace syncline::cli {

// "500MB", "20GiB", "1024": a whole number and its unit, decimal (kB, MB, GB, TB) or binary (KiB,
// MiB, GiB, TiB), nothing for bytes. Nothing if the text is not one or does not fit.
std::optional<uint64_t> ParseByteSize(std::string_view text);

// What ParseByteSize takes, for messages.
inline constexpr std::string_view kByteSizeForms = "a size such as 500MB or 20GiB";

}  // namespace syncline::cli
