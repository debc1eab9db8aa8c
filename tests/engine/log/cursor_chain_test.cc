#include "engine/log/rocks/cursor_chain.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <stop_token>

#include "engine/log/care/log_repair.h"
#include "engine/log/care/log_verify.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

// Asks a pass of retention to stop when it has slept so often, which it does once a frame.
class StoppingClock : public ManualClock {
 public:
  bool Sleep(Microseconds duration, std::stop_token stop) override {
    if (left_ > 0 && --left_ == 0) source_.request_stop();
    return ManualClock::Sleep(duration, std::move(stop));
  }
  std::stop_token StopAfter(int sleeps) {
    source_ = std::stop_source();
    left_ = sleeps;
    return source_.get_token();
  }

 private:
  std::stop_source source_;
  int left_ = 0;
};

// The one property: whatever was done to a log, at its end stands the cursor that was written
// there. Meant to fail: with a whole cursor in the first frame only, where frames are folded;
// without retention's waiting for one; with a begin wherever a pass was cut off.
class CursorChainTest : public testing::Test {
 protected:
  std::unique_ptr<ChangeLog> Open() {
    return OpenRocksLog(folder_, kSource, clock_, {.memtable_bytes = 64u << 10});
  }

  // Frames an hour apart; most close their cut, and now and then a cursor is saved without one.
  void Write(ChangeLog& log, int frames) {
    for (; frames > 0; --frames) {
      ChangeCursor();
      const Offset base = log.Append(
          ItemsDraft(static_cast<int64_t>(random_() % 50), 1 + Below(3), cursor_, Below(4) > 0));
      written_[log.next()] = cursor_;
      ASSERT_LT(base, log.next());
      if (Below(8) == 0) {
        ChangeCursor();
        log.SaveCursor(cursor_);
        ASSERT_EQ(log.cursor(), cursor_);
      }
      clock_.Advance(hours(1));
    }
  }

  // Lines that change, come, go and move; sometimes none, sometimes nearly all, sometimes so few
  // are left that the cursor is small.
  void ChangeCursor() {
    int edits = Below(6) == 0 ? 50 : Below(4);
    if (Below(40) == 0) lines_.resize(std::min<size_t>(lines_.size(), 5));
    if (lines_.size() < 20 && Below(3) == 0) lines_.resize(60, "a new table, nothing is known");
    for (; edits > 0; --edits) {
      const auto at = lines_.begin() + Below(static_cast<int>(lines_.size()) + 1);
      const std::string line = "table " + std::to_string(random_()) + " seen up to something";
      if (at == lines_.end() || Below(6) == 0) {
        lines_.insert(at, line);
      } else if (Below(6) == 0) {
        lines_.erase(at);
      } else {
        *at = line;
      }
    }
    cursor_.clear();
    for (const std::string& line : lines_) cursor_ += line + "\n";
  }

  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  // The log in `folder` ends with what was written at its end; nobody writes to it.
  void ExpectCursor(const fs::path& folder, Clock& clock) {
    const auto reader = OpenRocksLogReader(folder, clock);
    const std::optional<FrameHeader> last = reader->Last();
    ASSERT_TRUE(last);
    EXPECT_TRUE(last->has_whole_cursor());
    ASSERT_EQ(last->cursor, written_.at(reader->end())) << reader->end();
    reader->Seek(reader->begin());
    ASSERT_TRUE(reader->NextHeader()->header.has_whole_cursor()) << reader->begin();
    const LogVerification found = VerifyLog(folder, clock, {}, [](const auto&) {});
    ASSERT_FALSE(found.damage) << found.damage->message();
  }

  // Cut off at each frame's end but the first one's, a copy each.
  void ExpectEveryPrefix(int every) {
    const auto reader = OpenRocksLogReader(folder_, clock_);
    reader->Seek(reader->begin());
    const BaseInfo base = reader->OpenBase()->info();
    for (int number = 0; const auto frame = reader->NextHeader(); ++number) {
      const Offset end = frame->header.end();
      if (number % every != 0 || end <= base.as_of) continue;
      const fs::path copy = temp_.path() / "copy";
      fs::copy(folder_, copy, fs::copy_options::recursive);
      const LogRepair done = RepairLog(copy, end, clock_);
      ExpectCursor(copy, clock_);
      {
        const auto log = OpenRocksLog(copy, kSource, clock_);
        ASSERT_EQ(log->cursor(), written_.at(end));
        log->Append(ItemsDraft(1, 1, log->cursor() + "and one more\n"));
      }
      ASSERT_EQ(OpenRocksLog(copy, kSource, clock_)->cursor(), written_.at(end) + "and one more\n");
      fs::remove_all(copy);
      fs::remove_all(done.kept);
    }
  }

  const unsigned seed_ = std::random_device{}();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
  std::minstd_rand random_{seed_};
  TempFolder temp_;
  const fs::path folder_ = temp_.path() / "log";
  StoppingClock clock_;
  std::vector<std::string> lines_ = std::vector<std::string>(60, "a table, nothing is known");
  std::string cursor_;
  std::map<Offset, std::string> written_;  // by the end of the frame
};

TEST_F(CursorChainTest, EveryOpeningAndEveryPrefixHasTheCursorThatWasWritten) {
  for (int round = 0; round < 8; ++round) {
    const auto log = Open();
    ASSERT_EQ(log->cursor(), cursor_);
    Write(*log, 1 + Below(12));
  }
  ExpectCursor(folder_, clock_);
  ExpectEveryPrefix(3);
}

// As a crash leaves it: the files are taken while the writer is at work.
TEST_F(CursorChainTest, WhatACrashLeavesHasIt) {
  const auto log = Open();
  for (int frame = 0; frame < 40; ++frame) {
    Write(*log, 1);
    const fs::path copy = temp_.path() / "crashed";
    fs::copy(folder_, copy, fs::copy_options::recursive);
    {
      const auto crashed = OpenRocksLog(copy, kSource, clock_);
      // A saved cursor is not synced, and may be there or not.
      ASSERT_TRUE(crashed->cursor() == cursor_ || crashed->cursor() == written_.rbegin()->second);
    }
    fs::remove_all(copy);
  }
}

TEST_F(CursorChainTest, RetentionLeavesItWhereverItStops) {
  auto log = Open();
  for (int round = 0; round < 25; ++round) {
    Write(*log, 2 + Below(20));
    log->NewRetention({.keep_for = hours(Below(30))})
        ->Run(clock_.StopAfter(Below(3) == 0 ? 1 + Below(12) : 1'000));
    ASSERT_EQ(log->NewReader()->Last()->cursor, written_.rbegin()->second);
    ExpectCursor(folder_, clock_);
    if (Below(3) != 0) continue;
    const std::string cursor = log->cursor();
    log.reset();
    log = Open();
    ASSERT_EQ(log->cursor(), cursor);
  }
  EXPECT_GT(log->NewReader()->begin(), Offset(0));
  log.reset();
  ExpectEveryPrefix(4);
}

// Fails on a build that writes the whole cursor into every frame: 35,000 bytes each.
TEST_F(CursorChainTest, AFrameTakesWhatHasChanged) {
  lines_.assign(600, "a table of which a line is as long as this one is");
  const auto log = Open();
  uint64_t bytes = 0;
  constexpr int kFrames = 1'000;
  for (int i = 0; i < kFrames; ++i) {
    lines_[static_cast<size_t>(Below(600))] = "a table read up to " + std::to_string(random_());
    cursor_.clear();
    for (const std::string& line : lines_) cursor_ += line + "\n";
    log->Append(ItemsDraft(i, 1, cursor_));
  }
  const auto reader = log->NewReader();
  while (const auto frame = reader->NextHeader()) bytes += frame->header.entry_bytes;
  EXPECT_LT(bytes / kFrames, 400);
  EXPECT_EQ(reader->Last()->cursor, cursor_);
}

// A process a poll, as a cron has it, writes a frame and ends. Seen to fail, with a whole cursor in
// the first frame only, where each opening began to count anew: the cursor was then made of all
// frames, and retention found no frame to begin at.
TEST_F(CursorChainTest, OpeningsDoNotPutOffTheNextWholeCursor) {
  lines_.assign(60, "a table of which a line is as long as this one is");
  constexpr int kFrames = 100;
  for (int i = 0; i < kFrames; ++i) {
    lines_[0] = "a table read up to " + std::to_string(i);
    cursor_.clear();
    for (const std::string& line : lines_) cursor_ += line + "\n";
    OpenRocksLog(folder_, kSource, clock_)->Append(ItemsDraft(i, 1, cursor_));
  }
  const auto reader = OpenRocksLogReader(folder_, clock_);
  int apart = 0, most = 0;
  while (const auto frame = reader->NextHeader()) {
    apart = frame->header.has_whole_cursor() ? 0 : apart + 1;
    most = std::max(most, apart);
  }
  EXPECT_LE(most, 60);
}

// The end of a cut changes most of a cursor that is just too large to stand in each frame, so that
// it stands whole there. Seen to fail, with nothing folded ever, where this put off the next one
// where a cut begins.
TEST_F(CursorChainTest, WholeCursorsWithinCutsDoNotKeepRetentionFromFolding) {
  const auto cursor = [this](size_t changed) {
    for (size_t line = 0; line < changed; ++line) lines_[line] = std::to_string(random_());
    return fmt::format("{}: what is known of all these tables", fmt::join(lines_, " known\n"));
  };
  lines_.assign(80, "nothing");
  for (const bool reopened : {false, true}) {
    auto log = Open();
    for (int cut = 0; cut < 100; ++cut) {
      log->Append(ItemsDraft(cut, 1, cursor(1), /*closes_cut=*/false));
      if (reopened) log.reset();
      if (reopened) log = Open();
      log->Append(ItemsDraft(cut, 1, cursor(80)));
    }
    log->NewRetention({.keep_bytes = 1})->Run({});
    log.reset();
    EXPECT_GT(OpenRocksLogReader(folder_, clock_)->begin(), Offset(100)) << reopened;
    fs::remove_all(folder_);
  }
}

// Fails when a log of few tables could no longer be read by programs that know no other form.
TEST_F(CursorChainTest, ASmallCursorStandsAsItIs) {
  const auto log = Open();
  for (int i = 0; i < 50; ++i) log->Append(ItemsDraft(i, 1, "cursor " + std::to_string(i)));
  const auto reader = log->NewReader();
  while (const auto frame = reader->NextHeader()) {
    ASSERT_FALSE(frame->header.cursor_from);
    ASSERT_EQ(frame->header.cursor, "cursor " + std::to_string(frame->header.base.value()));
  }
}

}  // namespace
}  // namespace syncline
