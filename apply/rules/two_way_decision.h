#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "apply/rules/conflict.h"
#include "engine/model/row_clock.h"

namespace syncline::apply {

// How a step stands among the states of the other databases (Lineage); of pipelines of two
// directions only.
struct OriginInfo {
  RowClock clock;  // of the last change
  NodeId via = 0;  // of the last change
  // The states before: that which the first change follows, if there is one, and those passed over.
  // Of a step from the log's base nothing is known of them.
  std::vector<RowClock> follows;
  bool from_base = false;
};

// What is to be decided about: a state that comes from another database.
struct TwoWayArrival {
  const OriginInfo& step;
  bool deletion = false;
  bool again = false;  // the target has had it and was set back
};

// What the target's row is, seen under its lock, all of it in the log.
struct TwoWayLook {
  bool exists = false;
  bool same_content = false;      // both exist
  std::optional<RowClock> known;  // of the row's state, or its absence; none: there never was one
  bool own = false;               // the state is one of this database's own users
  bool defends = false;           // and the rule prefers them
};

enum class TwoWayAction {
  kNothing,
  kAdopt,   // the row is as the change has it: only its clock is to be known
  kWrite,   // and known
  kDefend,  // the row stays, and its state gets a clock above the change's, as if made anew
};

struct TwoWayDecision {
  TwoWayAction action = TwoWayAction::kNothing;
  std::optional<ConflictType> conflict = {};

  bool operator==(const TwoWayDecision&) const = default;
};

// The higher clock wins (design: a join), so that all databases end with the same state, in
// whatever order they hear of it; a conflict is where neither state was made on top of the other.
// Pure. apply/write/README.md, "Two directions".
TwoWayDecision Decide(const TwoWayArrival& arrival, const TwoWayLook& look);

}  // namespace syncline::apply
