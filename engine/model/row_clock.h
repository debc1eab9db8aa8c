#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace syncline {

// A database that is both source and target, by a number that is made from its identity
// (sql::Session::Identity). Never 0, which stands for none.
using NodeId = uint64_t;
NodeId NodeIdOf(std::string_view identity);

// Orders the states of one row across all databases that write it: whoever has seen two of them
// keeps the one with the higher clock. A state that was made on top of another one always has the
// higher clock, whatever the clocks of machines say; no two states of a row have the same one.
struct RowClock {
  int64_t time = 0;  // microseconds since 2000-01-01 UTC, or one more than that of the state before
  NodeId origin = 0;  // where a user made that state

  auto operator<=>(const RowClock&) const = default;
};

// The clock of a state that a user of `node` has made on top of one with the clock `known` (none:
// there was no row, ever). `stamp` is when, as far as the row or the database tell.
RowClock NextClock(int64_t stamp, const std::optional<RowClock>& known, NodeId node);

// Whether a clock that was read from outside can be one of NextClock's, which are far from the end
// of 64 bits: what follows it has room.
bool IsClock(const RowClock& clock);

// How a change stands among those of the other databases.
struct Lineage {
  RowClock clock;
  std::optional<RowClock> before;  // of the state that this one follows in its log, deletions too
  NodeId via = 0;  // whose log it was applied from; 0: a user of this log's own database made it

  bool operator==(const Lineage&) const = default;
};

}  // namespace syncline
