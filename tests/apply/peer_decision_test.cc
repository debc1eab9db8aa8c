#include "apply/rules/peer_decision.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

constexpr RowClock kOld{100, 1}, kNew{200, 2};

PeerLook Holding(RowClock known, bool own) { return {.exists = true, .known = known, .own = own}; }

TEST(PeerDecisionTest, AStateMadeOnTopOfWhatIsThereIsWritten) {
  const OriginInfo step{.clock = kNew, .follows = {kOld}};
  EXPECT_EQ(Decide({.step = step}, Holding(kOld, true)), (PeerDecision{PeerAction::kWrite}));
}

// A base does not tell what a state follows. Fails when that counts as following anything: an edit
// of the target's users then goes without a trace.
TEST(PeerDecisionTest, FromABaseAnOwnUsersStateIsAConflict) {
  const OriginInfo step{.clock = kNew, .from_base = true};
  EXPECT_EQ(Decide({.step = step}, Holding(kOld, true)),
            (PeerDecision{PeerAction::kWrite, ConflictType::kUpdateDiffering}));
  EXPECT_EQ(Decide({.step = step}, Holding(kOld, false)), (PeerDecision{PeerAction::kWrite}));
}

// Fails when a target that was set back tells of nothing, also where it has not had the change.
TEST(PeerDecisionTest, SetBackOnlyWhatLosesIsNoConflict) {
  const OriginInfo step{.clock = kNew};
  EXPECT_EQ(Decide({.step = step, .again = true}, Holding(kOld, true)),
            (PeerDecision{PeerAction::kWrite, ConflictType::kInsertExists}));
  const OriginInfo older{.clock = kOld};
  EXPECT_EQ(Decide({.step = older, .again = true}, Holding(kNew, true)), PeerDecision{});
  EXPECT_EQ(Decide({.step = older}, Holding(kNew, true)),
            (PeerDecision{PeerAction::kNothing, ConflictType::kInsertExists}));
}

TEST(PeerDecisionTest, EqualContentsAreNoConflict) {
  const OriginInfo step{.clock = kNew};
  PeerLook look = Holding(kOld, true);
  look.same_content = true;
  EXPECT_EQ(Decide({.step = step}, look), (PeerDecision{PeerAction::kAdopt}));
}

}  // namespace
}  // namespace syncline::apply
