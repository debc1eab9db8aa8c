#include "apply/rules/conflict.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

constexpr ConflictRule kRules[] = {ConflictRule::kLatestWins, ConflictRule::kSourceWins,
                                   ConflictRule::kTargetWins};

// The rule, line by line of apply/README.md: this test and those that follow.
TEST(ConflictTest, WhatFollowsIsWrittenWhateverTheRule) {
  for (const ConflictRule rule : kRules) {
    const Decision write{.write = true};
    EXPECT_EQ(Decide({.rule = rule}, {.exists = true, .follows = true, .newer = true}), write);
    EXPECT_EQ(Decide({.rule = rule, .deletion = true}, {.exists = true, .follows = true}), write);
    EXPECT_EQ(Decide({.rule = rule, .first = true}, {.exists = false}), write);
  }
}

TEST(ConflictTest, WhatIsThereAlreadyIsNoConflict) {
  const Look same{.exists = true, .same_version = true, .same_content = true};
  for (const ConflictRule rule : kRules) {
    EXPECT_EQ(Decide({.rule = rule}, same), Decision{.write = false});
    EXPECT_EQ(Decide({.rule = rule, .deletion = true}, same), Decision{.write = true});
    EXPECT_EQ(Decide({.rule = rule, .deletion = true}, {.exists = false}),
              Decision{.write = false});
  }
}

TEST(ConflictTest, OfTwoStatesTheLaterWins) {
  const Look older{.exists = true}, newer{.exists = true, .newer = true};
  EXPECT_EQ(Decide({}, older),
            (Decision{.write = true, .conflict = ConflictType::kUpdateDiffering}));
  EXPECT_EQ(Decide({.first = true}, newer),
            (Decision{.write = false, .conflict = ConflictType::kInsertExists}));
  EXPECT_EQ(Decide({.deletion = true}, newer),
            (Decision{.write = false, .conflict = ConflictType::kDeleteRecentlyUpdated}));
  EXPECT_EQ(Decide({.rule = ConflictRule::kSourceWins}, newer),
            (Decision{.write = true, .conflict = ConflictType::kUpdateDiffering}));
  EXPECT_EQ(Decide({.rule = ConflictRule::kTargetWins}, older),
            (Decision{.write = false, .conflict = ConflictType::kUpdateDiffering}));
}

// Fails when a tie goes to whoever is asked: two nodes then end with two states.
TEST(ConflictTest, ATieIsDecidedByOrigin) {
  const Look tie{.exists = true, .same_version = true};
  EXPECT_TRUE(Decide({.takes_ties = true}, tie).write);
  EXPECT_FALSE(Decide({.takes_ties = false}, tie).write);
  EXPECT_EQ(Decide({}, tie).conflict, ConflictType::kUpdateDiffering);
}

TEST(ConflictTest, AChangedRowThatIsMissingIsInsertedAndTold) {
  EXPECT_EQ(Decide({}, {}), (Decision{.write = true, .conflict = ConflictType::kUpdateMissing}));
}

// Fails when a target that was set back reports the log's own states as conflicts.
TEST(ConflictTest, WhatTheTargetHasHadBeforeIsNoConflict) {
  const Look newer{.exists = true, .newer = true};
  EXPECT_EQ(Decide({.again = true}, newer), Decision{.write = false});
  EXPECT_EQ(Decide({.again = true}, {.exists = true}), Decision{.write = true});
  EXPECT_EQ(Decide({.again = true}, {}), Decision{.write = true});
  // Fails when columns that were left out cannot be brought by applying the log again.
  EXPECT_EQ(Decide({.again = true}, {.exists = true, .same_version = true}),
            Decision{.write = true});
}

}  // namespace
}  // namespace syncline::apply
