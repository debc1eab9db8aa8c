#include "tools/mending.h"

#include <gtest/gtest.h>

namespace syncline::cli {
namespace {

RowFinding Finding(Why why, Difference difference, bool target_is_log = false) {
  return {.difference = difference, .why = why, .target_is_log = target_is_log};
}

TEST(MendForTest, WhoeverDiffersFromTheSourceIsMended) {
  const MendOptions usual;
  EXPECT_EQ(MendFor(Finding(Why::kAltered, Difference::kDiffering), usual), Mend::kWrite);
  EXPECT_EQ(MendFor(Finding(Why::kAltered, Difference::kExtra), usual), Mend::kWrite);
  EXPECT_EQ(MendFor(Finding(Why::kMissed, Difference::kDiffering, true), usual), Mend::kRecapture);
  EXPECT_EQ(MendFor(Finding(Why::kMissed, Difference::kMissing, false), usual), Mend::kBoth);
  EXPECT_EQ(MendFor(Finding(Why::kGone, Difference::kExtra, true), usual), Mend::kRecapture);
}

// Fails when a decision that somebody has made, or has yet to make, is overridden unasked.
TEST(MendForTest, WhatIsDecidedOrWaitsIsLeftAlone) {
  const MendOptions usual;
  EXPECT_EQ(MendFor(Finding(Why::kParked, Difference::kMissing), usual), Mend::kLeave);
  EXPECT_EQ(MendFor(Finding(Why::kNoCursor, Difference::kMissing, true), usual), Mend::kLeave);
  EXPECT_EQ(MendFor(Finding(Why::kKept, Difference::kDiffering), usual), Mend::kLeave);
  EXPECT_EQ(MendFor(Finding(Why::kKept, Difference::kDiffering), {.conflicts = true}),
            Mend::kWrite);
  EXPECT_EQ(MendFor(Finding(Why::kParked, Difference::kMissing), {.conflicts = true}),
            Mend::kLeave);
  EXPECT_EQ(MendFor(Finding(Why::kGone, Difference::kExtra), {.keep_extra = true}), Mend::kLeave);
  EXPECT_EQ(MendFor(Finding(Why::kAltered, Difference::kExtra), {.keep_extra = true}),
            Mend::kLeave);
}

}  // namespace
}  // namespace syncline::cli
