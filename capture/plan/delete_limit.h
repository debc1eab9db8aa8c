#pragma once

#include <cstdint>

namespace syncline::capture {

// How many of the rows that the log holds of a table one comparison may find gone; more are a
// question for a person. Of kSmall rows or fewer a percentage lets all of them go. Plain value
// type.
struct DeleteLimit {
  static constexpr uint64_t kSmall = 100;
  uint64_t number = 50;
  bool is_percentage = true;

  uint64_t Of(uint64_t rows) const {
    if (!is_percentage) return number;
    return rows <= kSmall ? rows : rows / 100 * number + rows % 100 * number / 100;
  }
  bool operator==(const DeleteLimit&) const = default;
};

}  // namespace syncline::capture
