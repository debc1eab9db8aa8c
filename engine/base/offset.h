#pragma once

#include <compare>
#include <cstdint>
#include <ostream>

namespace syncline {

// The place of a change in one log. Dense: the first change has offset 0, the next 1, and so on; an
// offset below zero does not exist. An offset means nothing without its log.
class Offset {
 public:
  constexpr Offset() = default;
  constexpr explicit Offset(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr auto operator<=>(const Offset&) const = default;

  // The offset `count` changes further on.
  constexpr Offset operator+(uint64_t count) const { return Offset(value_ + count); }
  // How many changes lie between `other` and this; `other` must not be greater.
  constexpr uint64_t operator-(Offset other) const { return value_ - other.value_; }

 private:
  uint64_t value_ = 0;
};

// No change of any log has this offset or a higher one: databases hold offsets as signed numbers.
inline constexpr Offset kOffsetsEnd{uint64_t{1} << 63};

inline std::ostream& operator<<(std::ostream& out, Offset offset) { return out << offset.value(); }

}  // namespace syncline
