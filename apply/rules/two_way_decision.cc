#include "apply/rules/two_way_decision.h"

#include <algorithm>

namespace syncline::apply {
namespace {

ConflictType TypeOf(const TwoWayArrival& arrival, const TwoWayLook& look) {
  if (!look.exists) return ConflictType::kUpdateMissing;
  if (arrival.deletion) return ConflictType::kDeleteRecentlyUpdated;
  const bool first = arrival.step.follows.empty() && !arrival.step.from_base;
  return first ? ConflictType::kInsertExists : ConflictType::kUpdateDiffering;
}

}  // namespace

TwoWayDecision Decide(const TwoWayArrival& arrival, const TwoWayLook& look) {
  const OriginInfo& step = arrival.step;
  if (!look.known) {
    return {arrival.deletion ? TwoWayAction::kAdopt : TwoWayAction::kWrite};
  }
  if (step.clock == *look.known) return {};
  const bool wins = step.clock > *look.known;
  if (arrival.deletion ? !look.exists : look.exists && look.same_content) {
    return {wins ? TwoWayAction::kAdopt : TwoWayAction::kNothing};
  }
  // A base does not tell what a state follows. Better a conflict too many than a user's state that
  // goes without a trace.
  const bool follows = step.from_base
                           ? !look.own
                           : std::ranges::find(step.follows, *look.known) != step.follows.end();
  if (wins && follows) return {TwoWayAction::kWrite};
  TwoWayDecision decision{wins ? TwoWayAction::kWrite : TwoWayAction::kNothing};
  if (wins && look.defends) decision.action = TwoWayAction::kDefend;
  // What wins was not here yet, wherever the target was set back to.
  if (wins || !arrival.again) decision.conflict = TypeOf(arrival, look);
  return decision;
}

}  // namespace syncline::apply
