#pragma once

#include <string>

namespace syncline::capture {

// How capture learns that a row of a table is gone; with nothing set it does not. Plain value type.
struct Deletes {
  // Soft deletion: a column that is set on rows which count as deleted. Empty: there is none.
  std::string flag;
  // Triggers on the source write down the keys of rows that go (tombstones.h).
  bool tombstones = false;

  bool operator==(const Deletes&) const = default;
};

}  // namespace syncline::capture
