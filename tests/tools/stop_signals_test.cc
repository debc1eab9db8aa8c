#include "tools/support/stop_signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>

namespace syncline::cli {
namespace {

void WaitForStop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, stop, [] { return false; });
}

TEST(StopSignalsTest, TheFirstSignalAsksForAStop) {
  for (const int signal : {SIGTERM, SIGINT}) {
    StopSignals signals;
    EXPECT_FALSE(signals.token().stop_requested());
    kill(getpid(), signal);
    WaitForStop(signals.token());
    EXPECT_TRUE(signals.token().stop_requested());
    alarm(0);  // this process is to live on
  }
}

// Fails when only what knows of the stop is ended by it. Slow by what it tests.
TEST(StopSignalsDeathTest, WhatDoesNotEndIsEnded) {
  auto stuck = [] {
    {
      StopSignals signals;
      kill(getpid(), SIGTERM);
      WaitForStop(signals.token());
    }
    for (;;) pause();
  };
  EXPECT_EXIT(stuck(), testing::ExitedWithCode(143), "");
}

// Fails when a stage that does not come to its end could hold the process.
TEST(StopSignalsDeathTest, TheSecondSignalEndsTheProcess) {
  auto twice = [](int signal) {
    StopSignals signals;
    kill(getpid(), signal);
    WaitForStop(signals.token());
    kill(getpid(), signal);
    for (;;) pause();
  };
  EXPECT_EXIT(twice(SIGTERM), testing::ExitedWithCode(143), "");
  EXPECT_EXIT(twice(SIGINT), testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace syncline::cli
