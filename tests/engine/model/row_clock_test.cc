#include "engine/model/row_clock.h"

#include <gtest/gtest.h>

#include <limits>

namespace syncline {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();
constexpr NodeId kHere = 7, kThere = 9;

// Seen to fail when the clock of the state before does not count, and when it counts without the
// one more that makes the new state the later one.
TEST(RowClockTest, AStateIsAboveTheOneThatItWasMadeOn) {
  EXPECT_EQ(NextClock(100, {}, kHere), (RowClock{100, kHere}));
  EXPECT_EQ(NextClock(100, RowClock{50, kThere}, kHere), (RowClock{100, kHere}));
  EXPECT_EQ(NextClock(100, RowClock{99, kThere}, kHere), (RowClock{100, kHere}));
  EXPECT_EQ(NextClock(100, RowClock{100, kThere}, kHere), (RowClock{101, kHere}));
  EXPECT_EQ(NextClock(-5, RowClock{100, kThere}, kHere), (RowClock{101, kHere}));
  EXPECT_EQ(NextClock(-5, {}, kHere), (RowClock{-5, kHere}));
}

// Seen to fail when infinite stamps are taken as they are: one more than the highest is the lowest.
TEST(RowClockTest, AnInfiniteStampLeavesRoomForWhatFollows) {
  for (const int64_t stamp : {kLowest, kLowest + 1, kHighest - 1, kHighest}) {
    RowClock clock = NextClock(stamp, {}, kHere);
    EXPECT_TRUE(IsClock(clock)) << stamp;
    for (int i = 0; i < 1000; ++i) {
      const RowClock next = NextClock(stamp, clock, kThere);
      ASSERT_GT(next, clock);
      ASSERT_TRUE(IsClock(next));
      clock = next;
    }
  }
}

// Seen to fail when one of the three is not asked for.
TEST(RowClockTest, WhatNobodyCanHaveMadeIsNoClock) {
  EXPECT_TRUE(IsClock({0, kHere}));
  EXPECT_FALSE(IsClock({0, 0}));
  EXPECT_FALSE(IsClock({kHighest, kHere}));
  EXPECT_FALSE(IsClock({kLowest, kHere}));
}

TEST(RowClockTest, EqualTimesAreOrderedByOrigin) {
  EXPECT_LT((RowClock{5, kHere}), (RowClock{5, kThere}));
  EXPECT_LT((RowClock{4, kThere}), (RowClock{5, kHere}));
}

TEST(RowClockTest, ADatabaseHasANumberOfItsOwn) {
  EXPECT_EQ(NodeIdOf("shop"), NodeIdOf("shop"));
  EXPECT_NE(NodeIdOf("shop"), NodeIdOf("shop2"));
  EXPECT_NE(NodeIdOf(""), 0u);
}

}  // namespace
}  // namespace syncline
