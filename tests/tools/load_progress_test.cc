#include "tools/commands/load_progress.h"

#include <gtest/gtest.h>

namespace syncline::cli {
namespace {

using std::chrono::seconds;

TEST(LoadProgressTest, TellsRowsRateAndTheTimeLeft) {
  EXPECT_EQ(DescribeLoad(450'000, 1'000'000, seconds(2)),
            "450,000 of about 1,000,000 rows, 225,000 a second, 2.4 s left");
  EXPECT_EQ(LoadBar(250'000, 1'000'000, seconds(1), 8),
            "[##......] 250,000 of about 1,000,000 rows, 250,000 a second, 3.0 s left");
}

// A source's guess may be too low, or missing, and a load may not have begun.
TEST(LoadProgressTest, AGuessIsAGuess) {
  EXPECT_EQ(LoadBar(1200, 1000, seconds(1), 4), "[####] 1,200 of about 1,200 rows, 1,200 a second");
  EXPECT_EQ(LoadBar(1200, 0, seconds(2), 4), "1,200 rows, 600 a second");
  EXPECT_EQ(LoadBar(0, 1000, seconds(0), 4), "[....] 0 of about 1,000 rows, 0 a second");
}

}  // namespace
}  // namespace syncline::cli
