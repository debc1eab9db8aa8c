#include "apply/rules/two_way_decision.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

constexpr RowClock kOld{100, 1}, kNew{200, 2};

TwoWayLook Holding(RowClock known, bool own) {
  return {.exists = true, .known = known, .own = own};
}

TEST(TwoWayDecisionTest, AStateMadeOnTopOfWhatIsThereIsWritten) {
  const OriginInfo step{.clock = kNew, .follows = {kOld}};
  EXPECT_EQ(Decide({.step = step}, Holding(kOld, true)), (TwoWayDecision{TwoWayAction::kWrite}));
}

// A base does not tell what a state follows. Fails when that counts as following anything: an edit
// of the target's users then goes without a trace.
TEST(TwoWayDecisionTest, FromABaseAnOwnUsersStateIsAConflict) {
  const OriginInfo step{.clock = kNew, .from_base = true};
  EXPECT_EQ(Decide({.step = step}, Holding(kOld, true)),
            (TwoWayDecision{TwoWayAction::kWrite, ConflictType::kUpdateDiffering}));
  EXPECT_EQ(Decide({.step = step}, Holding(kOld, false)), (TwoWayDecision{TwoWayAction::kWrite}));
}

// Fails when a target that was set back tells of nothing, also where it has not had the change.
TEST(TwoWayDecisionTest, SetBackOnlyWhatLosesIsNoConflict) {
  const OriginInfo step{.clock = kNew};
  EXPECT_EQ(Decide({.step = step, .again = true}, Holding(kOld, true)),
            (TwoWayDecision{TwoWayAction::kWrite, ConflictType::kInsertExists}));
  const OriginInfo older{.clock = kOld};
  EXPECT_EQ(Decide({.step = older, .again = true}, Holding(kNew, true)), TwoWayDecision{});
  EXPECT_EQ(Decide({.step = older}, Holding(kNew, true)),
            (TwoWayDecision{TwoWayAction::kNothing, ConflictType::kInsertExists}));
}

TEST(TwoWayDecisionTest, EqualContentsAreNoConflict) {
  const OriginInfo step{.clock = kNew};
  TwoWayLook look = Holding(kOld, true);
  look.same_content = true;
  EXPECT_EQ(Decide({.step = step}, look), (TwoWayDecision{TwoWayAction::kAdopt}));
}

}  // namespace
}  // namespace syncline::apply
