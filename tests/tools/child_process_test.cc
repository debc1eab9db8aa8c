#include "tools/support/child_process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "engine/base/error.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;
using End = ChildResult::End;

ChildResult Shell(const std::string& command, Microseconds timeout = 30s,
                  std::stop_token stop = {}) {
  return RunChild({.command = {"/bin/sh", "-c", command},
                   .environment = {{"SYNCLINE_TEST", "of the test"}},
                   .timeout = timeout,
                   .output_max = 20},
                  std::move(stop));
}

TEST(ChildProcessTest, GivesBackOutputAndExitCode) {
  const ChildResult result = Shell("echo $SYNCLINE_TEST; exit 3");
  EXPECT_EQ(result.end, End::kExited);
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.output, "of the test\n");
  EXPECT_EQ(Shell("kill -9 $$").end, End::kKilled);
  EXPECT_EQ(Shell("yes | head -c 1000000").output.size(), 20u);
  EXPECT_THROW(RunChild({.command = {"/no/such/program"}, .timeout = 1s}, {}), Error);
}

// Fails when a child reads what the program itself is given: one that waits for input never ends.
TEST(ChildProcessTest, AChildIsGivenNothingToRead) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int own = dup(STDIN_FILENO);
  ASSERT_GE(dup2(ends[0], STDIN_FILENO), 0);
  EXPECT_EQ(Shell("cat", 10s).end, End::kExited);
  if (own >= 0) dup2(own, STDIN_FILENO);
  for (const int end : {ends[0], ends[1], own}) close(end);
}

// Whether a process is there and more than a body that nobody has looked at.
bool Lives(const std::string& pid) {
  std::ifstream stat("/proc/" + pid + "/stat");
  std::string number, name, state;
  return (stat >> number >> name >> state) && state != "Z";
}

// Fails when only the shell is ended, and not what it has started.
TEST(ChildProcessTest, EndsTheWholeGroupWhenTheTimeIsOver) {
  const auto began = std::chrono::steady_clock::now();
  const ChildResult result = Shell("sleep 60 & echo $!; wait", 500ms);
  EXPECT_EQ(result.end, End::kTimedOut);
  const std::string started = result.output.substr(0, result.output.find('\n'));
  ASSERT_NE(started, "");
  while (Lives(started) && std::chrono::steady_clock::now() - began < 30s) {
    std::this_thread::yield();  // it has been told, and will be gone in a moment
  }
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Shell("sleep 60", 60s, stop.get_token()).end, End::kStopped);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

}  // namespace
}  // namespace syncline::cli
