#include "engine/base/crash_point.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <set>

#include "engine/base/error.h"

namespace syncline {
namespace {

void Arm(const char* value) {
  ::setenv("SYNCLINE_CRASH_AT", value, /*overwrite=*/1);
  ArmCrashPoint();
}

void PassNotedTimes(int times) {
  for (int i = 0; i < times; ++i) CrashPoint("apply.noted");
}

class CrashPointTest : public testing::Test {
 protected:
  ~CrashPointTest() override { ::unsetenv("SYNCLINE_CRASH_AT"); }
};

TEST_F(CrashPointTest, NamesAreDifferent) {
  EXPECT_EQ(std::set(kCrashPoints.begin(), kCrashPoints.end()).size(), kCrashPoints.size());
}

TEST_F(CrashPointTest, KillsAtThePassThatWasAskedFor) {
  const testing::KilledBySignal killed(SIGKILL);
  const auto passes = [](const char* armed, int times) {
    Arm(armed);
    PassNotedTimes(times);
    CrashPoint("apply.committed");
    ::_exit(0);
  };
  EXPECT_EXIT(passes("apply.noted", 1), killed, "");
  EXPECT_EXIT(passes("apply.noted:3", 3), killed, "");
  EXPECT_EXIT(passes("apply.noted:3", 2), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(passes("log.made", 9), testing::ExitedWithCode(0), "");
}

TEST_F(CrashPointTest, AnUnknownNameIsRefusedWithTheKnownOnes) {
  for (const char* wrong :
       {"apply.noticed", "", "apply.noted:", "apply.noted:0", "apply.noted:x"}) {
    EXPECT_THROW(Arm(wrong), Error) << wrong;
  }
  try {
    Arm("apply.note");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(error.message().find("did you mean \"apply.noted\""), std::string::npos)
        << error.message();
    EXPECT_NE(error.hint().find("append.before_write, "), std::string::npos) << error.hint();
  }
}

}  // namespace
}  // namespace syncline
