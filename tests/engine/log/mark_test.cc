#include "engine/log/folder/mark.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "engine/log/folder/mark_watch.h"
#include "sample_rows.h"

namespace syncline {
namespace {

using std::chrono::seconds;

class MarkTest : public testing::Test {
 protected:
  void WriteBytes(std::string_view bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  TempFolder temp_;
  const std::filesystem::path path_ = temp_.path() / "mark";
  const Mark mark_{LogId::Random(), 3, Offset(5), Offset(1ull << 40), 0x0123456789abcdef};
};

TEST_F(MarkTest, WhatIsWrittenIsRead) {
  EXPECT_FALSE(ReadMark(path_));
  const auto file = MarkFile::Open(path_, mark_);
  EXPECT_EQ(ReadMark(path_), mark_);
  Mark moved = mark_;
  moved.next = Offset(7);
  file->Write(moved);
  EXPECT_EQ(ReadMark(path_), moved);
  EXPECT_FALSE(std::filesystem::exists(temp_.path() / "mark.new"));
}

// Fails without the checksum.
TEST_F(MarkTest, EveryBitAndEveryByteCounts) {
  const std::string bytes = EncodeMark(mark_);
  EXPECT_EQ(DecodeMark(bytes), mark_);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(DecodeMark(flipped)) << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    WriteBytes(bytes.substr(0, size));
    EXPECT_EQ(ErrorOf([&] { ReadMark(path_); }).exit_code(), 4) << size;
  }
  WriteBytes(bytes + "x");
  EXPECT_EQ(ErrorOf([&] { ReadMark(path_); }).exit_code(), 4);
}

// Fails when a mark that is read while it is overwritten counts as damage.
TEST_F(MarkTest, AReaderBesideAWriterSeesOneMarkOrTheOther) {
  const auto file = MarkFile::Open(path_, mark_);
  std::jthread writer([&](std::stop_token stop) {
    Mark mark = mark_;
    for (uint64_t n = 0; !stop.stop_requested(); ++n) {
      mark.next = mark.begin + n;
      mark.hash = ~mark.next.value();
      file->Write(mark);
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    const Mark seen = ReadMark(path_).value();
    ASSERT_TRUE(seen == mark_ || seen.hash == ~seen.next.value());
  }
}

// Fails when a write does not wake (the wait then lasts its whole minute), or when one between the
// look and the wait is lost.
TEST_F(MarkTest, AMoveEndsAWait) {
  const auto file = MarkFile::Open(path_, mark_);
  MarkWatch watch(path_);
  Mark moved = mark_;
  for (uint64_t n = 0; n < 100; ++n) {
    moved.next = moved.next + 1;
    std::jthread writer([&] { file->Write(moved); });
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(
        watch.WaitUntil([&] { return ReadMark(path_)->next == moved.next; }, seconds(60), {}));
    ASSERT_LT(std::chrono::steady_clock::now() - start, seconds(30));
  }
}

// Fails when the watch polls: an idle reader must cost nothing.
TEST_F(MarkTest, AWaitLooksOnce) {
  const auto file = MarkFile::Open(path_, mark_);
  MarkWatch watch(path_);
  int looks = 0;
  const auto look = [&] { return ++looks == 1000; };
  EXPECT_TRUE(watch.WaitUntil(look, std::chrono::milliseconds(200), {}));
  EXPECT_LE(looks, 2);  // before the wait and at its end
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(watch.WaitUntil(look, seconds(60), stop.get_token()));
}

}  // namespace
}  // namespace syncline
