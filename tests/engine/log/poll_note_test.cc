#include "engine/log/folder/poll_note_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "sample_rows.h"

namespace syncline {
namespace {

class PollNoteTest : public testing::Test {
 protected:
  std::optional<PollNote> Read() const { return ReadPollNote(temp_.path(), id_); }

  TempFolder temp_;
  const std::filesystem::path path_ = temp_.path() / "polled";
  const LogId id_ = LogId::Random();
  const PollNote note_{WallTime(Microseconds(5)), WallTime(Microseconds(-7)), 3};
};

TEST_F(PollNoteTest, WhatIsWrittenIsReadByTheSameLog) {
  EXPECT_FALSE(Read());
  const auto file = PollNoteFile::Open(temp_.path(), id_);
  EXPECT_FALSE(Read()) << "nothing is noted yet";
  file->Write(note_);
  EXPECT_EQ(Read(), note_);
  file->Write({.started = note_.started});
  EXPECT_EQ(Read(), PollNote{note_.started}) << "never polled";
  EXPECT_FALSE(ReadPollNote(temp_.path(), LogId::Random())) << "a log that was made anew";
  EXPECT_EQ(ReadPollNote(temp_.path(), id_), Read());
}

// Fails without the checksum.
TEST_F(PollNoteTest, EveryBitAndEveryByteCounts) {
  const std::string bytes = EncodePollNote(id_, note_);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(DecodePollNote(id_, flipped)) << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::ofstream(path_, std::ios::binary) << bytes.substr(0, size);
    EXPECT_FALSE(Read()) << size;
  }
  std::ofstream(path_, std::ios::binary) << bytes << "x";
  EXPECT_FALSE(Read());
}

// Fails (by never ending, or by writing elsewhere) when what stands under that name is opened
// whatever it is.
TEST_F(PollNoteTest, WhatIsNoFileOfTheFolderIsNeitherReadNorWritten) {
  const auto elsewhere = temp_.path() / "elsewhere";
  std::ofstream(elsewhere) << EncodePollNote(id_, note_);
  std::filesystem::create_symlink(elsewhere, path_);
  EXPECT_FALSE(Read());
  EXPECT_EQ(PollNoteFile::Open(temp_.path(), id_), nullptr);
  std::filesystem::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(Read());
  EXPECT_EQ(PollNoteFile::Open(temp_.path(), id_), nullptr);
}

TEST_F(PollNoteTest, AReaderBesideAWriterSeesOneNoteOrTheOther) {
  const auto file = PollNoteFile::Open(temp_.path(), id_);
  file->Write(note_);
  std::jthread writer([&](std::stop_token stop) {
    PollNote note = note_;
    for (uint64_t n = 0; !stop.stop_requested(); ++n) {
      note.polled = WallTime(Microseconds(static_cast<int64_t>(n)));
      note.loading = n;
      file->Write(note);
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    const auto note = Read();
    ASSERT_TRUE(note);
    if (*note == note_) continue;
    ASSERT_EQ(note->polled->time_since_epoch().count(), static_cast<int64_t>(note->loading));
  }
}

}  // namespace
}  // namespace syncline
