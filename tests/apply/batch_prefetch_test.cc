#include "apply/batch_prefetch.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/error.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;

class BatchPrefetchTest : public testing::Test {
 protected:
  void Cut(int rows) {
    log_.Cut([&](CutWriter& writer) {
      for (int i = 0; i < rows; ++i) writer.Add(ItemsSchema(), Item(next_id_++, "x", 1));
    });
  }

  // The next batch as "begin-end rows"; "" when there is none. `reading`: with the one after it
  // being read as long as this one is at hand.
  std::string Next(bool reading) {
    const auto ready = batches_.Next();
    if (!ready) return "";
    const std::future<void> ahead = reading ? batches_.ReadAhead() : std::future<void>();
    size_t rows = 0;
    for (const TableChanges& table : ready->tables) rows += table.upserts.size();
    EXPECT_FALSE(ready->schemas.empty());
    return std::to_string(ready->batch.begin.value()) + "-" +
           std::to_string(ready->batch.end.value()) + " " + std::to_string(rows);
  }

  ManualClock clock_;
  test::TestLog log_{clock_};
  const std::unique_ptr<LogReader> reader_ = log_.NewReader();
  BatchPrefetch batches_{*reader_,
                         {.changes = 8, .bytes = 64u << 20},
                         [](const TableName&) { return true; },
                         [](const TableName&) { return false; }};
  int64_t next_id_ = 1;
};

// Fails when what was read ahead is forgotten, or handed out twice.
TEST_F(BatchPrefetchTest, BatchesAreTheSameWhetherReadAheadOrNot) {
  for (int i = 0; i < 6; ++i) Cut(4);
  batches_.Seek(Offset(0), 0, {.offset = Offset(24)}, Offset(0));
  EXPECT_EQ(Next(true), "0-8 8");
  EXPECT_EQ(Next(false), "8-16 8");
  EXPECT_FALSE(batches_.finished());
  EXPECT_EQ(Next(true), "16-24 8");
  EXPECT_EQ(Next(true), "");
  EXPECT_TRUE(batches_.finished());
}

TEST_F(BatchPrefetchTest, WhatComesAfterTheLastBatchIsFound) {
  Cut(4);
  batches_.Seek(Offset(0), 0, {}, Offset(0));
  EXPECT_EQ(Next(true), "0-4 4");
  EXPECT_EQ(Next(true), "");
  Cut(3);
  EXPECT_EQ(Next(true), "4-7 3");
  EXPECT_FALSE(batches_.finished());
}

// Fails when a batch that was read before is applied after a target turned out to be elsewhere.
TEST_F(BatchPrefetchTest, SeekForgetsWhatWasReadAhead) {
  for (int i = 0; i < 4; ++i) Cut(4);
  batches_.Seek(Offset(0), 0, {}, Offset(0));
  EXPECT_EQ(Next(true), "0-8 8");
  batches_.Seek(Offset(4), 0, {}, Offset(0));
  EXPECT_EQ(Next(false), "4-12 8");
}

// A log whose history is another one is found by the first read, whoever makes it. Fails, by
// ending the process, when an error of reading ahead is lost.
TEST_F(BatchPrefetchTest, AnErrorOfReadingAheadComesWithTheNextBatch) {
  Cut(4);
  batches_.Seek(Offset(4), 12345, {}, Offset(0));
  Cut(4);
  batches_.ReadAhead().wait();
  EXPECT_FALSE(batches_.finished());
  EXPECT_THROW(batches_.Next(), Error);
}

}  // namespace
}  // namespace syncline::apply
