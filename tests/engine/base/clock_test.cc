#include "engine/base/clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace syncline {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// Fails (by the test's time-out) when Sleep does not listen to the stop token.
TEST(SystemClockTest, AStopEndsASleep) {
  SystemClock clock;
  bool slept = true;
  std::jthread sleeper([&](std::stop_token stop) { slept = clock.Sleep(hours(1), stop); });
  sleeper.request_stop();
  sleeper.join();
  EXPECT_FALSE(slept);
}

TEST(SystemClockTest, ASleepThatIsNotStoppedTakesItsTime) {
  SystemClock clock;
  const Microseconds before = clock.Monotonic();
  EXPECT_TRUE(clock.Sleep(milliseconds(2), {}));
  EXPECT_GE(clock.Monotonic() - before, milliseconds(2));
}

TEST(ManualClockTest, MovesOnlyWhenToldTo) {
  ManualClock clock;
  EXPECT_EQ(clock.Monotonic(), Microseconds(0));
  EXPECT_TRUE(clock.Sleep(milliseconds(5), {}));
  clock.Advance(milliseconds(1));
  EXPECT_EQ(clock.Monotonic(), milliseconds(6));
  EXPECT_EQ(clock.Now().time_since_epoch(), milliseconds(6));
}

}  // namespace
}  // namespace syncline
