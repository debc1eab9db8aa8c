// CutWriter over every kind of log.
#include "engine/log/cut_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/conformance/log_suite.h"

namespace syncline {
namespace {

class CutWriterTest : public LogConformance {
 protected:
  const std::shared_ptr<const TableSchema> items_ = ItemsTable();
};

INSTANTIATE_TEST_SUITE_P(, CutWriterTest, testing::ValuesIn(LogKinds()), NameOfKind);

// Fails when an earlier frame of a poll carries the new cursor: a poll cut off there would never be
// done to the end.
TEST_P(CutWriterTest, OnlyTheLastFrameOfAPollCarriesTheCursorAndClosesTheCut) {
  log_->Append(ItemsDraft(0, 1, "before"));
  CutWriter writer(*log_, {.frame_bytes = 4096});
  for (int64_t id = 1; id <= 500; ++id) writer.Add(items_, Item(id, std::string(50, 'x'), id));
  writer.Close("after");

  std::vector<Frame> frames = Frames();
  frames.erase(frames.begin());
  ASSERT_GT(frames.size(), 5);
  for (const Frame& frame : frames) {
    const bool last = &frame == &frames.back();
    EXPECT_EQ(frame.header.cursor, last ? "after" : "before");
    EXPECT_EQ(frame.header.closes_cut, last);
  }
  EXPECT_EQ(writer.stats().seen, 500);
  EXPECT_EQ(writer.stats().logged, 500);
  EXPECT_EQ(writer.stats().frames, frames.size());
  EXPECT_EQ(log_->cursor(), "after");
  EXPECT_FALSE(log_->cut_open());
}

// Fails when something is written before it is known that more follows: Close would find nothing to
// close the cut with.
TEST_P(CutWriterTest, APollThatEndsOnAFrameBorderNeedsNoMark) {
  for (int rows = 1; rows <= 40; ++rows) {
    CutWriter writer(*log_, {.frame_bytes = 300});
    for (int i = 0; i < rows; ++i) writer.Add(items_, Item(rows * 1000 + i, "name", i));
    writer.Close("cursor " + std::to_string(rows));
    ASSERT_FALSE(log_->cut_open());
    ASSERT_EQ(writer.stats().logged, rows);
  }
  for (const Change& change : Changes()) EXPECT_NE(change.op, Op::kMark);
}

TEST_P(CutWriterTest, StatesThatTheLogHoldsAreDropped) {
  for (int poll = 0; poll < 3; ++poll) {
    CutWriter writer(*log_);
    for (int64_t id = 1; id <= 10; ++id) writer.Add(items_, Item(id, "name", id));
    writer.Close("poll " + std::to_string(poll));
    EXPECT_EQ(writer.stats().seen, 10);
    EXPECT_EQ(writer.stats().logged, poll == 0 ? 10 : 0);
  }
  EXPECT_EQ(log_->next(), Offset(10));
  EXPECT_EQ(log_->cursor(), "poll 2");
}

// Fails when `previous` is not what the log held last, across polls, within a poll and within a
// batch.
TEST_P(CutWriterTest, EachStateNamesTheOneItFollows) {
  {
    CutWriter writer(*log_);
    writer.Add(items_, Item(1, "first", 10));
    writer.Close("1");
  }
  CutWriter writer(*log_);
  writer.Add(items_, Item(1, "second", 20));
  writer.Add(items_, Item(2, "other", 21));
  writer.Add(items_, Item(1, "third", 5));  // backwards: the log's order counts, not the stamps
  writer.Add(items_, Item(1, "third", 5));  // the same again
  writer.Checkpoint("2");
  writer.Add(items_, Item(1, "fourth", 40));
  writer.Close("3");

  const std::vector<Change> changes = Changes();
  ASSERT_EQ(changes.size(), 5);
  EXPECT_EQ(changes[0].previous, std::nullopt);
  EXPECT_EQ(changes[1].previous, Stamp(10));
  EXPECT_EQ(changes[2].previous, std::nullopt);
  EXPECT_EQ(changes[3].previous, Stamp(20));
  EXPECT_EQ(changes[3].version, Stamp(5));
  EXPECT_EQ(changes[4].previous, Stamp(5));
}

// The same over many frames and batches: every change follows the one before of its key. Fails when
// a frame written in the middle of a batch makes the writer forget what it held, or use what it
// looked up before.
TEST_P(CutWriterTest, AKeyThatComesAgainAndAgainStaysChained) {
  CutWriter writer(*log_, {.frame_bytes = 2000});
  for (int64_t i = 0; i < 10'000; ++i) writer.Add(items_, Item(i % 7, "name", i));
  writer.Close("cursor");
  std::vector<std::optional<Value>> last(7);
  for (const Change& change : Changes()) {
    std::optional<Value>& expected = last[change.row[0].as_int()];
    ASSERT_EQ(change.previous, expected);
    expected = change.version;
  }
  EXPECT_EQ(log_->next(), Offset(10'000));
}

// Fails when a row that comes back names the deletion as the state before: a target that has no row
// then takes it for an update of one that was lost.
TEST_P(CutWriterTest, DeletionsAreLoggedOnceAndARowThatComesBackFollowsNothing) {
  CutWriter writer(*log_);
  writer.AddDeletion(items_, ItemKey(9), Stamp(1));  // never there
  writer.Add(items_, Item(1, "name", 10));
  writer.AddDeletion(items_, ItemKey(1), Stamp(20));
  writer.Checkpoint("1");
  writer.AddDeletion(items_, ItemKey(1), Stamp(21));  // gone already
  writer.Add(items_, Item(1, "name", 10));            // the same bytes as before the deletion
  writer.Close("2");

  const std::vector<Change> changes = Changes();
  ASSERT_EQ(changes.size(), 3);
  EXPECT_EQ(changes[1].op, Op::kDelete);
  EXPECT_EQ(changes[1].row, ItemKey(1));
  EXPECT_EQ(changes[1].previous, Stamp(10));
  EXPECT_EQ(changes[2].op, Op::kUpsert);
  EXPECT_EQ(changes[2].previous, std::nullopt);
}

TEST_P(CutWriterTest, ADeletionWithoutAVersionHasThatOfTheStateThatIsGone) {
  CutWriter writer(*log_);
  writer.Add(items_, Item(1, "name", 10));
  writer.Checkpoint("1");
  writer.AddDeletion(items_, ItemKey(1), Value());
  writer.AddDeletion(items_, ItemKey(2), Value());  // never there
  writer.Close("2");
  const std::vector<Change> changes = Changes();
  ASSERT_EQ(changes.size(), 2);
  EXPECT_EQ(changes[1].version, Stamp(10));
  EXPECT_EQ(changes[1].previous, Stamp(10));
}

// Fails when Close leaves a cut open that it found open: apply would wait for its end for ever.
TEST_P(CutWriterTest, AnOpenCutWithNothingLeftIsClosedByAMark) {
  {
    CutWriter writer(*log_);
    writer.Add(items_, Item(1, "name", 1));
    writer.Checkpoint("half");
  }
  EXPECT_TRUE(log_->cut_open());
  CutWriter writer(*log_);
  writer.Add(items_, Item(1, "name", 1));
  writer.Close("whole");
  EXPECT_FALSE(log_->cut_open());
  const std::vector<Frame> frames = Frames();
  ASSERT_EQ(frames.size(), 2);
  EXPECT_EQ(frames[1].changes, std::vector<Change>{{.op = Op::kMark}});
  EXPECT_EQ(frames[1].header.cursor, "whole");
  EXPECT_TRUE(frames[1].header.closes_cut);
  EXPECT_EQ(writer.stats().logged, 0);
}

TEST_P(CutWriterTest, NothingToWriteAndNoOpenCutOnlySavesTheCursor) {
  CutWriter(*log_).Close("closed");
  EXPECT_EQ(log_->cursor(), "closed");
  CutWriter(*log_).Checkpoint("checked");
  EXPECT_EQ(log_->cursor(), "checked");
  EXPECT_EQ(log_->next(), Offset(0));
}

// Polls come every few milliseconds, for years. Seen to fail when the cursor is saved although it
// is the one that the log has.
TEST_P(CutWriterTest, APollThatFindsNothingWritesNothing) {
  log_->Append(ItemsDraft(1, 1, "cursor"));
  const uint64_t before = log_->write_stats().wal_bytes;
  for (int polls = 0; polls < 10; ++polls) {
    CutWriter writer(*log_);
    writer.Add(items_, Item(1, "name", 1));
    writer.Close("cursor");
  }
  EXPECT_EQ(log_->write_stats().wal_bytes, before);
  CutWriter(*log_).Close("another");
  EXPECT_GT(log_->write_stats().wal_bytes, before);
}

TEST_P(CutWriterTest, TablesShareAFrameAndKeepEqualKeysApart) {
  const auto others = ItemsTable("others");
  CutWriter writer(*log_);
  for (int64_t id = 0; id < 100; ++id) {
    writer.Add(items_, Item(id, "name", id));
    writer.Add(others, Item(id, "name", id));
  }
  writer.Close("cursor");
  const std::vector<Frame> frames = Frames();
  ASSERT_EQ(frames.size(), 1);
  EXPECT_EQ(frames[0].tables.size(), 2);
  ASSERT_EQ(frames[0].changes.size(), 200);
  for (size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(frames[0].tables[frames[0].changes[i].table]->table.name,
              i % 2 == 0 ? "items" : "others");
    EXPECT_EQ(frames[0].changes[i].previous, std::nullopt);
  }
}

TEST_P(CutWriterTest, ARowLargerThanAFrameTravelsAlone) {
  CutWriter writer(*log_, {.frame_bytes = 1000});
  writer.Add(items_, Item(1, "small", 1));
  writer.Add(items_, Item(2, std::string(1'000'000, 'x'), 2));
  writer.Add(items_, Item(3, "small", 3));
  writer.Close("cursor");
  const std::vector<Change> changes = Changes();
  ASSERT_EQ(changes.size(), 3);
  EXPECT_EQ(changes[1].row[1].as_string().size(), 1'000'000);
}

}  // namespace
}  // namespace syncline
