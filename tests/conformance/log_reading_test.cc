// LogReader: frames in order, without holes, as they come; and its consumers.
#include "engine/log/log_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>
#include <tuple>

#include "tests/conformance/log_suite.h"

namespace syncline {
namespace {

using std::chrono::seconds;

// Each kind of log, by the writer's own readers, and by those that another process would open.
class LogReaderTest : public testing::TestWithParam<std::tuple<LogKind, bool>> {
 protected:
  std::unique_ptr<LogReader> NewReader() {
    return std::get<bool>(GetParam()) ? home_.open_reader(clock_) : log_->NewReader();
  }

  SystemClock clock_;
  const LogHome home_ = std::get<LogKind>(GetParam()).make();
  std::unique_ptr<ChangeLog> log_ = home_.open(kSource, clock_);
};

INSTANTIATE_TEST_SUITE_P(, LogReaderTest,
                         testing::Combine(testing::ValuesIn(LogKinds()), testing::Bool()),
                         [](const auto& info) {
                           return std::get<0>(info.param).name +
                                  (std::get<1>(info.param) ? "Beside" : "");
                         });

TEST_P(LogReaderTest, AnEmptyLogHasNothing) {
  const auto reader = NewReader();
  EXPECT_EQ(reader->info().id, log_->info().id);
  EXPECT_EQ(reader->info().source, kSource);
  EXPECT_EQ(reader->begin(), Offset(0));
  EXPECT_EQ(reader->end(), Offset(0));
  EXPECT_FALSE(reader->Next());
  EXPECT_FALSE(reader->Last());
}

TEST_P(LogReaderTest, WhatIsAppendedIsDeliveredInOrderAsItComes) {
  const auto reader = NewReader();
  std::vector<Frame> frames;
  for (int i = 0; i < 20; ++i) {
    log_->Append(ItemsDraft(3 * i, 3));
    for (Frame& frame : Drain(*reader)) frames.push_back(std::move(frame));
    ASSERT_EQ(frames.size(), i + 1);
    EXPECT_EQ(reader->end(), log_->next());
    EXPECT_EQ(reader->Last(), frames.back().header);
    EXPECT_EQ(frames.back().changes, ItemsDraft(3 * i, 3).changes);
  }
  ExpectChain(frames, Offset(0), 0);
}

TEST_P(LogReaderTest, HeadersComeWithoutChangesAndMixWithFrames) {
  for (int i = 0; i < 4; ++i) log_->Append(ItemsDraft(3 * i, 3));
  const auto reader = NewReader();
  EXPECT_EQ(reader->Next()->header.base, Offset(0));
  const std::optional<Frame> header = reader->NextHeader();
  EXPECT_EQ(header->header.base, Offset(3));
  EXPECT_TRUE(header->changes.empty());
  EXPECT_EQ(reader->Next()->changes, ItemsDraft(6, 3).changes);
  EXPECT_EQ(reader->NextHeader()->header.end(), Offset(12));
  EXPECT_FALSE(reader->NextHeader());
}

TEST_P(LogReaderTest, SeekDeliversTheFrameThatHoldsTheOffset) {
  for (int i = 0; i < 10; ++i) log_->Append(ItemsDraft(5 * i, 5));
  const auto reader = NewReader();
  for (uint64_t offset = 0; offset < 50; ++offset) {
    reader->Seek(Offset(offset));
    EXPECT_EQ(reader->Next()->header.base, Offset(offset / 5 * 5));
    const std::optional<Frame> next = reader->Next();
    EXPECT_EQ(next.has_value(), offset < 45);
  }
  reader->Seek(Offset(50));
  EXPECT_FALSE(reader->Next());
  log_->Append(ItemsDraft(50, 5));
  EXPECT_EQ(reader->Next()->header.base, Offset(50));
}

// Fails when the hash given to Seek is not compared: a target would follow a log that was rewritten
// under it.
TEST_P(LogReaderTest, SeekFindsAnotherHistory) {
  for (int i = 0; i < 3; ++i) log_->Append(ItemsDraft(5 * i, 5));
  const auto reader = NewReader();
  const std::vector<Frame> frames = Drain(*reader);
  for (const uint64_t offset : {5, 10, 15}) {
    const uint64_t right = frames[offset / 5 - 1].header.hash;
    reader->Seek(Offset(offset), right);
    EXPECT_EQ(Drain(*reader).size(), 3 - offset / 5);
    reader->Seek(Offset(offset), right + 1);
    EXPECT_EQ(ErrorOf([&] { reader->Next(); }).exit_code(), 4) << offset;
  }
  reader->Seek(Offset(7), frames[0].header.hash);  // no frame ends there
  EXPECT_EQ(ErrorOf([&] { reader->Next(); }).exit_code(), 4);
  reader->Seek(Offset(20), frames[2].header.hash);  // the log does not go that far
  EXPECT_EQ(ErrorOf([&] { reader->Next(); }).exit_code(), 4);
  reader->Seek(Offset(20));  // the same without a claim about the past
  EXPECT_FALSE(reader->Next());
}

// Fails when a schema is looked for only in the frame's own time, or not cached per reader.
TEST_P(LogReaderTest, FramesComeWithTheSchemasTheyWereWrittenWith) {
  log_->Append(ItemsDraft(0, 1));
  FrameDraft draft = ItemsDraft(1, 1);
  draft.tables = {ItemsTable("others")};
  log_->Append(std::move(draft));
  log_->Append(ItemsDraft(2, 1));
  const std::vector<Frame> frames = Drain(*NewReader());
  ASSERT_EQ(frames.size(), 3);
  EXPECT_EQ(*frames[0].tables.at(0), *ItemsTable());
  EXPECT_EQ(*frames[1].tables.at(0), *ItemsTable("others"));
  EXPECT_EQ(frames[2].tables.at(0), frames[0].tables.at(0));
}

// Fails when Append does not wake (the wait then lasts its whole minute).
TEST_P(LogReaderTest, AppendEndsAWait) {
  const auto reader = NewReader();
  EXPECT_FALSE(reader->Next());
  std::jthread writer([&] { log_->Append(ItemsDraft(0, 1)); });
  const auto start = std::chrono::steady_clock::now();
  while (!reader->Next()) EXPECT_TRUE(reader->Wait(seconds(60), {}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(30));
}

TEST_P(LogReaderTest, AStopEndsAWait) {
  const auto reader = NewReader();
  EXPECT_FALSE(reader->Next());
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(reader->Wait(seconds(60), stop.get_token()));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(30));
}

TEST_P(LogReaderTest, AWaitWithoutNewsEndsInTime) {
  const auto reader = NewReader();
  EXPECT_FALSE(reader->Next());
  EXPECT_TRUE(reader->Wait(std::chrono::milliseconds(2), {}));
}

// A reader in another thread while the writer flushes and compacts under it. Also what TSan is for.
TEST_P(LogReaderTest, AReaderKeepsUpWithAWriterInAnotherThread) {
  constexpr int kFrames = 400;
  const auto reader = NewReader();
  std::jthread writer([&] {
    for (int i = 0; i < kFrames; ++i) {
      log_->Append(ItemsDraft(10 * i, 10, "cursor", true, std::to_string(i * 7919)));
    }
  });
  std::vector<Frame> frames;
  while (frames.size() < kFrames) {
    ASSERT_TRUE(reader->Wait(seconds(60), {}));
    for (Frame& frame : Drain(*reader)) frames.push_back(std::move(frame));
  }
  ExpectChain(frames, Offset(0), 0);
}

// Fails when a consumer's place is not told to others, or is kept for good.
TEST_P(LogReaderTest, ConsumersAreKnownUntilTheyAreForgotten) {
  log_->Append(ItemsDraft(0, 5));
  const auto reader = NewReader();
  EXPECT_TRUE(reader->Consumers().empty());
  EXPECT_FALSE(reader->AcknowledgedAt("a"));
  EXPECT_TRUE(reader->Acknowledge("a", Offset(2)));
  EXPECT_TRUE(reader->Acknowledge("b/c", Offset(5)));
  EXPECT_TRUE(reader->Acknowledge("a", Offset(3)));
  const auto other = log_->NewReader();
  EXPECT_EQ(other->Consumers(), (std::vector<Consumer>{{"a", Offset(3)}, {"b/c", Offset(5)}}));
  EXPECT_TRUE(other->AcknowledgedAt("b/c"));
  other->Forget("a");
  EXPECT_EQ(reader->Consumers(), (std::vector<Consumer>{{"b/c", Offset(5)}}));
}

}  // namespace
}  // namespace syncline
