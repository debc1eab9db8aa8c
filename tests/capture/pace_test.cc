#include "capture/polling/pace.h"

#include <gtest/gtest.h>

#include <vector>

namespace syncline::capture {
namespace {

using std::chrono::milliseconds;

TEST(PaceTest, AFixedIntervalRunsFromStartToStart) {
  Pace pace({.least = milliseconds(200), .most = milliseconds(200)});
  EXPECT_EQ(pace.Rest(milliseconds(30), true), milliseconds(170));
  EXPECT_EQ(pace.Rest(milliseconds(30), false), milliseconds(170));
  EXPECT_EQ(pace.Rest(milliseconds(150), true), milliseconds(50));
  EXPECT_EQ(pace.Rest(milliseconds(900), true), milliseconds(0));
}

TEST(PaceTest, BacksOffWhileNothingIsFoundAndComesBackAtOnceWithinItsEnds) {
  Pace pace({.least = milliseconds(5), .most = milliseconds(100)});
  std::vector<int64_t> rests;
  for (int i = 0; i < 6; ++i) rests.push_back(pace.Rest(milliseconds(0), false).count() / 1000);
  for (int i = 0; i < 6; ++i) rests.push_back(pace.Rest(milliseconds(0), true).count() / 1000);
  EXPECT_EQ(rests, (std::vector<int64_t>{10, 20, 40, 80, 100, 100, 50, 25, 12, 6, 5, 5}));
}

// Fails when a source whose polls are long is polled without a pause.
TEST(PaceTest, LongPollsTakeAFifthOfTheTimeUpToTheLongerEnd) {
  Pace pace({.least = milliseconds(5), .most = milliseconds(1000)});
  EXPECT_EQ(pace.Rest(milliseconds(40), true), milliseconds(160));
  EXPECT_EQ(pace.Rest(milliseconds(400), true), milliseconds(600));
  EXPECT_EQ(pace.Rest(milliseconds(1500), true), milliseconds(0));
}

}  // namespace
}  // namespace syncline::capture
