#include "engine/base/backoff.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

using std::chrono::milliseconds;

// Fails when the jitter can leave the step, when the step does not double, or when it is not
// capped.
TEST(BackoffTest, DoublesWithJitterUpToTheMost) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Backoff backoff({milliseconds(100), milliseconds(1000)}, seed);
    for (const int step : {100, 200, 400, 800, 1000, 1000, 1000}) {
      const Microseconds wait = backoff.Next();
      EXPECT_GE(wait, milliseconds(step / 2)) << "seed " << seed;
      EXPECT_LE(wait, milliseconds(step)) << "seed " << seed;
    }
  }
}

TEST(BackoffTest, IsShortAgainAfterASuccess) {
  Backoff backoff({milliseconds(100), milliseconds(1000)}, 7);
  for (int i = 0; i < 5; ++i) backoff.Next();
  EXPECT_EQ(backoff.tries(), 5);
  backoff.Reset();
  EXPECT_EQ(backoff.tries(), 0);
  EXPECT_LE(backoff.Next(), milliseconds(100));
}

// Fails when the list is read beyond its end, or jittered.
TEST(BackoffTest, GoesThroughAListAndStaysAtItsLast) {
  Backoff backoff({.waits = {std::chrono::seconds(1), std::chrono::seconds(5)}, .retries = 3});
  EXPECT_FALSE(backoff.exhausted());
  EXPECT_EQ(backoff.Next(), std::chrono::seconds(1));
  EXPECT_EQ(backoff.Next(), std::chrono::seconds(5));
  EXPECT_FALSE(backoff.exhausted());
  EXPECT_EQ(backoff.Next(), std::chrono::seconds(5));
  EXPECT_TRUE(backoff.exhausted());
  backoff.Reset();
  EXPECT_FALSE(backoff.exhausted());
  EXPECT_EQ(backoff.Next(), std::chrono::seconds(1));
}

// Fails when the doubling is not bounded: the shift overflows.
TEST(BackoffTest, StaysAtTheMostForEver) {
  Backoff backoff({milliseconds(100), milliseconds(1000)}, 7);
  for (int i = 0; i < 1000; ++i) backoff.Next();
  EXPECT_LE(backoff.Next(), milliseconds(1000));
  EXPECT_GE(backoff.Next(), milliseconds(500));
}

}  // namespace
}  // namespace syncline
