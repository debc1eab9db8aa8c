#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/model/frame.h"
#include "engine/model/wire.h"

// What the frame's encoder and its decoder agree upon. Private to engine/model.
namespace syncline::frame_wire {

inline constexpr size_t kPrefixBytes = 1 + 4;  // format version, header length
inline constexpr size_t kHashBytes = 8;

inline constexpr char kChangesTag = wire::Tag(1, wire::kLength);
inline constexpr char kOpTag = wire::Tag(1, wire::kVarint);
inline constexpr char kTableTag = wire::Tag(2, wire::kVarint);
inline constexpr char kRowTag = wire::Tag(3, wire::kLength);
inline constexpr char kVersionTag = wire::Tag(4, wire::kLength);
inline constexpr char kPreviousTag = wire::Tag(5, wire::kLength);
inline constexpr char kLineageTag = wire::Tag(6, wire::kLength);

// A format version says how the body is compressed, and whether the cursor is packed.
struct Format {
  Compression compression = Compression::kSmall;
  bool packs_cursor = false;
};
constexpr uint8_t NumberOf(Format format) {
  return (format.compression == Compression::kFast ? 2 : 1) + (format.packs_cursor ? 2 : 0);
}
constexpr std::optional<Format> FormatOf(uint8_t number) {
  if (number < 1 || number > kFrameFormatMax) return {};
  return Format{number % 2 == 0 ? Compression::kFast : Compression::kSmall, number > 2};
}

}  // namespace syncline::frame_wire
