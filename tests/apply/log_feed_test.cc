#include "apply/log_feed.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/apply/played_target.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;

class LogFeedTest : public testing::Test {
 protected:
  void Cut(int rows) {
    log_.Cut([&](CutWriter& writer) {
      for (int i = 0; i < rows; ++i) writer.Add(ItemsSchema(), Item(next_id_++, "x", 1));
    });
  }

  // The next batch as "begin-end rows"; "" when there is none.
  std::string Next() {
    const auto ready = batches_.Next();
    if (!ready) return "";
    size_t rows = 0;
    for (const TableChanges& table : ready->tables) rows += table.upserts.size();
    EXPECT_FALSE(ready->schemas.empty());
    return std::to_string(ready->batch.begin.value()) + "-" +
           std::to_string(ready->batch.end.value()) + " " + std::to_string(rows);
  }

  ManualClock clock_;
  test::TestLog log_{clock_};
  const std::unique_ptr<LogReader> reader_ = log_.NewReader();
  const test::PlayedTarget target_;
  LogFeed batches_{*reader_, {.changes = 8, .bytes = 64u << 20}, target_};
  int64_t next_id_ = 1;
};

TEST_F(LogFeedTest, HandsOutBatchesUpToTheEnd) {
  for (int i = 0; i < 6; ++i) Cut(4);
  batches_.Seek(Offset(0), 0, {.offset = Offset(20)}, Offset(0));
  EXPECT_EQ(Next(), "0-8 8");
  EXPECT_EQ(Next(), "8-16 8");
  EXPECT_FALSE(batches_.finished());
  EXPECT_EQ(Next(), "16-20 4");
  EXPECT_EQ(Next(), "");
  EXPECT_TRUE(batches_.finished());
}

TEST_F(LogFeedTest, ATargetThatTakesEveryChangeGetsTheFrames) {
  for (int64_t stamp = 1; stamp <= 3; ++stamp) {
    log_.Cut([&](CutWriter& writer) { writer.Add(ItemsSchema(), Item(1, "x", stamp)); });
  }
  const test::PlayedTarget every(/*takes_every_change=*/true);
  LogFeed feed{*reader_, {.changes = 8, .bytes = 64u << 20}, every};
  feed.Seek(Offset(0), 0, {}, Offset(0));
  const auto ready = feed.Next();
  ASSERT_TRUE(ready);
  EXPECT_TRUE(ready->tables.empty());
  ASSERT_EQ(ready->batch.frames.size(), 3u);
  for (const Frame& frame : ready->batch.frames) EXPECT_EQ(frame.changes.size(), 1u);
}

TEST_F(LogFeedTest, WhatComesAfterTheLastBatchIsFound) {
  Cut(4);
  batches_.Seek(Offset(0), 0, {}, Offset(0));
  EXPECT_EQ(Next(), "0-4 4");
  EXPECT_EQ(Next(), "");
  Cut(3);
  EXPECT_EQ(Next(), "4-7 3");
  EXPECT_FALSE(batches_.finished());
}

TEST_F(LogFeedTest, SeekForgetsWhatWasRead) {
  for (int i = 0; i < 4; ++i) Cut(4);
  batches_.Seek(Offset(0), 0, {}, Offset(0));
  EXPECT_EQ(Next(), "0-8 8");
  batches_.Seek(Offset(4), 0, {}, Offset(0));
  EXPECT_EQ(Next(), "4-12 8");
}

}  // namespace
}  // namespace syncline::apply
