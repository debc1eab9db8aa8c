// Tokens that stop others, and the time that a stop leaves to what is under way.
#include <gtest/gtest.h>
#include <poll.h>

#include "engine/base/either_stop.h"
#include "engine/base/stop_grace.h"

namespace syncline {
namespace {

bool IsReadable(int fd) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) == 1;
}

TEST(EitherStopTest, EachOfTheTwoStopsIt) {
  for (const bool first : {true, false}) {
    std::stop_source a, b;
    const EitherStop either(a.get_token(), b.get_token());
    EXPECT_FALSE(either.token().stop_requested());
    (first ? a : b).request_stop();
    EXPECT_TRUE(either.token().stop_requested()) << first;
    EXPECT_FALSE((first ? b : a).stop_requested()) << first;
  }
}

TEST(EitherStopTest, OneThatIsStoppedAlreadyStopsItAtOnce) {
  std::stop_source a;
  a.request_stop();
  EXPECT_TRUE(EitherStop(a.get_token(), {}).token().stop_requested());
}

TEST(StopGraceTest, BeforeTheStopThereIsNoEnd) {
  std::stop_source stop;
  const StopGrace grace(stop.get_token());
  EXPECT_FALSE(grace.requested());
  EXPECT_FALSE(grace.end().has_value());
  EXPECT_FALSE(grace.over());
  EXPECT_FALSE(IsReadable(grace.fd()));
}

// Fails when the grace is counted from anything but the stop.
TEST(StopGraceTest, TheStopWakesWhoWaitsAndLeavesThemTheGrace) {
  std::stop_source stop;
  const StopGrace grace(stop.get_token());
  const auto before = StopGrace::Clock::now();
  stop.request_stop();
  const auto after = StopGrace::Clock::now();
  EXPECT_TRUE(grace.requested());
  EXPECT_TRUE(IsReadable(grace.fd()));
  EXPECT_TRUE(IsReadable(grace.fd())) << "a look took the wake-up from the others who wait";
  ASSERT_TRUE(grace.end().has_value());
  EXPECT_GE(*grace.end(), before + StopGrace::kGrace);
  EXPECT_LE(*grace.end(), after + StopGrace::kGrace);
  EXPECT_EQ(grace.over(), StopGrace::Clock::now() >= *grace.end());
}

TEST(StopGraceTest, OneThatIsStoppedAlreadyHasItsEnd) {
  std::stop_source stop;
  stop.request_stop();
  const StopGrace grace(stop.get_token());
  EXPECT_TRUE(grace.end().has_value());
  EXPECT_TRUE(IsReadable(grace.fd()));
}

}  // namespace
}  // namespace syncline
