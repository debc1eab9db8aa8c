#include "apply/batch/batch_reader.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;

constexpr size_t kOneRowFrames = 1;  // frame_bytes so small that every row gets a frame of its own

class BatchReaderTest : public testing::Test {
 protected:
  // `count` new rows.
  std::function<void(CutWriter&)> Rows(int count) {
    return [this, count](CutWriter& writer) {
      for (int i = 0; i < count; ++i) writer.Add(ItemsSchema(), Item(next_id_++, "x", 1));
    };
  }

  void Start(uint64_t batch_changes, BatchReader::End end = {}, Offset next = {}) {
    log_reader_ = log_.NewReader();
    batches_.emplace(*log_reader_,
                     BatchReader::Limits{.changes = batch_changes, .bytes = 64u << 20});
    batches_->Seek(next, 0, end);
  }

  // The next batch as "begin-end", with ! when it closes a cut; "" when there is none.
  std::string Next() {
    const auto batch = batches_->Next();
    if (!batch) return "";
    uint64_t changes = 0;
    for (const Frame& frame : batch->frames) changes += frame.changes.size();
    EXPECT_EQ(changes, batch->changes());
    return std::to_string(batch->begin.value()) + "-" + std::to_string(batch->end.value()) +
           (batch->closes_cut ? "!" : "");
  }

  ManualClock clock_;
  test::TestLog log_{clock_};
  std::unique_ptr<LogReader> log_reader_;
  std::optional<BatchReader> batches_;
  int64_t next_id_ = 1;
};

TEST_F(BatchReaderTest, WholeCutsGoTogetherAsLongAsTheyFit) {
  for (int i = 0; i < 3; ++i) log_.Cut(Rows(4), kOneRowFrames);
  Start(10);
  EXPECT_EQ(Next(), "0-8!");
  EXPECT_EQ(Next(), "8-12!");
  EXPECT_EQ(Next(), "");
  EXPECT_FALSE(batches_->finished());
}

// Fails when changes under the old schema and under the new one share a batch: what is to be done
// on the target about the new one would be undone for the sake of the old one.
TEST_F(BatchReaderTest, CutsBetweenWhichATableChangesGoApart) {
  auto columns = ItemsSchema()->columns;
  columns.erase(columns.begin() + 1);
  const auto narrow = test::MakeSchema("public.items", columns);
  const auto other = test::MakeSchema("public.others", columns);
  const auto one = [&](const test::SchemaPtr& schema) {
    return [schema](CutWriter& writer) {
      writer.Add(schema, test::MakeRow({ValueView::Int(1'000), test::Stamp(5)}));
    };
  };
  log_.Cut(Rows(2));
  log_.Cut(Rows(2));
  log_.Cut(one(other));
  log_.Cut(one(narrow));
  log_.Cut(Rows(1));
  Start(100);
  EXPECT_EQ(Next(), "0-5!");
  EXPECT_EQ(Next(), "5-6!");
  EXPECT_EQ(Next(), "6-7!");
  EXPECT_EQ(Next(), "");
}

// Fails when a batch is filled up to its limit across the end of a cut.
TEST_F(BatchReaderTest, ACutThatFitsIsNeverSplit) {
  log_.Cut(Rows(2), kOneRowFrames);
  log_.Cut(Rows(9), kOneRowFrames);
  Start(10);
  EXPECT_EQ(Next(), "0-2!");
  EXPECT_EQ(Next(), "2-11!");
}

// Fails when a full batch is handed out before its last frame was looked at.
TEST_F(BatchReaderTest, ACutOfExactlyTheLimitIsOneBatch) {
  for (const int rows : {2, 10, 1}) log_.Cut(Rows(rows), kOneRowFrames);
  Start(10);
  EXPECT_EQ(Next(), "0-2!");
  EXPECT_EQ(Next(), "2-12!");
  EXPECT_EQ(Next(), "12-13!");
}

// Fails when the limit in bytes splits a cut that fits into it.
TEST_F(BatchReaderTest, ACutOfExactlyTheLimitInBytesIsOneBatch) {
  constexpr uint64_t kOverhead = 64;  // of a change
  for (const int rows : {2, 10, 1}) log_.Cut(Rows(rows), kOneRowFrames);
  log_reader_ = log_.NewReader();
  batches_.emplace(*log_reader_,
                   BatchReader::Limits{.changes = 1000,
                                       .bytes = 10 * (Item(1, "x", 1).bytes().size() + kOverhead)});
  batches_->Seek({}, 0, {});
  EXPECT_EQ(Next(), "0-2!");
  EXPECT_EQ(Next(), "2-12!");
  EXPECT_EQ(Next(), "12-13!");
}

// Fails when what was held back is handed out as soon as there is more of it.
TEST_F(BatchReaderTest, AnOpenCutThatGrowsToExactlyTheLimitIsOneBatch) {
  log_.OpenCut(Rows(4), kOneRowFrames);
  Start(10);
  EXPECT_EQ(Next(), "");
  log_.OpenCut(Rows(5), kOneRowFrames);
  EXPECT_EQ(Next(), "");
  log_.Cut(Rows(1));
  EXPECT_EQ(Next(), "0-10!");
}

TEST_F(BatchReaderTest, ALargerCutIsSplitBetweenFrames) {
  log_.Cut(Rows(25), kOneRowFrames);
  Start(10);
  EXPECT_EQ(Next(), "0-10");
  EXPECT_EQ(Next(), "10-20");
  EXPECT_EQ(Next(), "20-25!");
}

// Fails when the part of a cut that capture is still writing goes out.
TEST_F(BatchReaderTest, AnOpenCutIsHeldBackUntilItIsClosed) {
  log_.Cut(Rows(3), kOneRowFrames);
  log_.OpenCut(Rows(4), kOneRowFrames);
  Start(10);
  EXPECT_EQ(Next(), "0-3!");
  EXPECT_EQ(Next(), "");
  log_.Cut(Rows(1));
  EXPECT_EQ(Next(), "3-8!");
}

TEST_F(BatchReaderTest, AtTheEndThatWasAskedForAnOpenCutGoesOut) {
  log_.OpenCut(Rows(4), kOneRowFrames);
  Start(10, {.offset = log_.end()});
  EXPECT_EQ(Next(), "0-4");
  EXPECT_TRUE(batches_->finished());
}

TEST_F(BatchReaderTest, AnEndInsideAFrameCutsItOffAndTheRestCanFollow) {
  log_.Cut(Rows(10));
  Start(100, {.offset = Offset(6)});
  const auto batch = batches_->Next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->end, Offset(6));
  EXPECT_EQ(batch->end_hash, 0u);
  EXPECT_EQ(batch->frames.front().changes.size(), 6u);
  EXPECT_TRUE(batches_->finished());
  Start(100, {}, Offset(6));
  const auto rest = batches_->Next();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->begin, Offset(6));
  EXPECT_NE(rest->end_hash, 0u);
  ASSERT_EQ(rest->frames.front().changes.size(), 4u);
  EXPECT_EQ(rest->frames.front().changes.front().row, Item(7, "x", 1));
}

TEST_F(BatchReaderTest, FramesWrittenAfterTheEndsTimeStayOut) {
  log_.Cut(Rows(2));
  const WallTime then = clock_.Now();
  clock_.Advance(std::chrono::seconds(1));
  log_.Cut(Rows(2));
  Start(100, {.time = then});
  EXPECT_EQ(Next(), "0-2!");
  EXPECT_EQ(Next(), "");
  EXPECT_TRUE(batches_->finished());
}

TEST_F(BatchReaderTest, WideRowsEndABatchByTheirBytes) {
  log_.Cut(Rows(10), kOneRowFrames);
  log_reader_ = log_.NewReader();
  batches_.emplace(*log_reader_, BatchReader::Limits{.changes = 1000, .bytes = 300});
  batches_->Seek({}, 0, {});
  const auto batch = batches_->Next();
  ASSERT_TRUE(batch);
  EXPECT_LT(batch->changes(), 6u);
}

// A log whose history is not the one that the target followed (invariant 2).
TEST_F(BatchReaderTest, AForeignHistoryIsFoundByItsHash) {
  log_.Cut(Rows(2), kOneRowFrames);
  Start(10);
  batches_->Seek(Offset(1), 0xbad, {});
  EXPECT_THROW(batches_->Next(), Error);
}

}  // namespace
}  // namespace syncline::apply
