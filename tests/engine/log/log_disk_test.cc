// The log on disks that lie and disks that are full.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <string>

#include "engine/log/rocks/open_log.h"
#include "index_oracle.h"
#include "sample_rows.h"

namespace syncline {
namespace {

// Text that does not compress.
std::string Noise(size_t bytes) {
  static std::minstd_rand random(7);
  std::string noise(bytes, ' ');
  for (char& c : noise) c = static_cast<char>(' ' + random() % 95);
  return noise;
}

class LogDiskTest : public testing::Test {
 protected:
  std::unique_ptr<ChangeLog> Open() {
    return OpenRocksLog(folder_, kSource, clock_, {.memtable_bytes = 1u << 20});
  }

  // Calls `append` until it has done so; RocksDB looks for room every 5 s.
  template <typename Body>
  void AppendWhenThereIsRoom(ChangeLog& log, Body&& append) {
    const Offset before = log.next();
    for (int tries = 0; log.next() == before; ++tries) {
      ASSERT_LT(tries, 1000);
      try {
        append();
      } catch (const Error& again) {
        ASSERT_EQ(again.reaction(), Reaction::kRetry) << again.message();
        clock_.Sleep(std::chrono::milliseconds(20), {});
      }
    }
  }

  TempFolder temp_;
  std::filesystem::path folder_ = temp_.path() / "log";
  SystemClock clock_;
};

// Invariant 7. Fails when blocks are read without verifying them, and when a reader goes on behind
// the damage.
TEST_F(LogDiskTest, AFlippedByteInAFileIsDamageWithItsOffset) {
  constexpr int kFrames = 100;
  {
    const auto log = Open();
    for (int i = 0; i < kFrames; ++i) {
      log->Append(ItemsDraft(i, 1, "cursor", true, Noise(5000)));
    }
  }
  Open();  // moves the WAL's content into a file
  Open()->Append(ItemsDraft(kFrames, 1));
  Open();  // into another one: the last file is read when the log is opened
  std::filesystem::path largest;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().extension() != ".sst") continue;
    if (largest.empty() || entry.file_size() > std::filesystem::file_size(largest)) {
      largest = entry.path();
    }
  }
  ASSERT_GT(std::filesystem::file_size(largest), 400'000);
  std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(200'000);
  const char flipped = static_cast<char>(file.get() ^ 1);
  file.seekp(200'000);
  file.put(flipped);
  file.close();

  const auto log = Open();
  std::vector<std::unique_ptr<LogReader>> readers;
  readers.push_back(log->NewReader());
  readers.push_back(OpenRocksLogReader(folder_, clock_));
  for (const auto& reader : readers) {
    uint64_t delivered = 0;
    const Error error = ErrorOf([&] {
      while (reader->Next()) ++delivered;
    });
    EXPECT_EQ(error.exit_code(), 4) << error.message();
    EXPECT_GT(delivered, 10);
    EXPECT_LT(delivered, kFrames - 10);
    EXPECT_NE(error.message().find("offset " + std::to_string(delivered)), std::string::npos)
        << error.message();
    EXPECT_EQ(ErrorOf([&] { reader->Next(); }).exit_code(), 4);  // still there
  }
}

// A small file system of the test's own.
class SmallDisk {
 public:
  explicit SmallDisk(const std::filesystem::path& folder) : folder_(folder) {
    mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=24m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

  void Fill() const {
    std::ofstream file(folder_ / "filler", std::ios::app);
    const std::string block(1u << 20, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void Free() const { std::filesystem::remove(folder_ / "filler"); }

 private:
  const std::filesystem::path folder_;
  bool mounted_ = false;
};

// Fails when a failed write ends the log for good, when it is taken for written, or when the frame
// is written twice.
TEST_F(LogDiskTest, AFullDiskIsSaidAndForgottenWhenThereIsRoom) {
  const SmallDisk disk(temp_.path());
  if (!disk.mounted()) GTEST_SKIP() << "needs root to mount a small file system";
  auto log = Open();
  disk.Fill();
  const Error error = ErrorOf([&] {
    for (int i = 0; i < 1000; ++i) {
      const auto id = static_cast<int64_t>(log->next().value());
      log->Append(ItemsDraft(id, 1, "cursor", true, Noise(50'000)));
    }
  });
  EXPECT_EQ(error.reaction(), Reaction::kRetry) << error.message();
  EXPECT_NE(error.hint().find("disk is full"), std::string::npos) << error.message();
  EXPECT_EQ(ErrorOf([&] { log->Append(ItemsDraft(0, 1)); }).message(), error.message());

  disk.Free();
  AppendWhenThereIsRoom(
      *log, [&] { log->Append(ItemsDraft(static_cast<int64_t>(log->next().value()), 1)); });
  ExpectChain(Drain(*log->NewReader()), Offset(0), 0);
  const Offset next = log->next();
  log.reset();
  log = Open();
  EXPECT_EQ(log->next(), next);
  const std::vector<Frame> frames = Drain(*log->NewReader());
  ExpectChain(frames, Offset(0), 0);
  EXPECT_EQ(frames.back().header.end(), next);
  log.reset();
}

// The frame that does not fit is the first one of its table, whose schema was to come with it. Seen
// to fail when the log takes that schema for written because it has once tried: no reader can read
// the frames of that table then.
TEST_F(LogDiskTest, ATableWhoseFirstFrameMetAFullDiskHasItsSchema) {
  const SmallDisk disk(temp_.path());
  if (!disk.mounted()) GTEST_SKIP() << "needs root to mount a small file system";
  const auto log = Open();
  log->Append(ItemsDraft(0, 1));
  disk.Fill();
  const auto append = [&] {
    // More than RocksDB has reserved of the disk for what it writes.
    FrameDraft draft = ItemsDraft(1, 1, "cursor", true, Noise(2u << 20));
    draft.tables = {ItemsTable("new")};
    log->Append(std::move(draft));
  };
  EXPECT_EQ(ErrorOf(append).reaction(), Reaction::kRetry);
  disk.Free();
  AppendWhenThereIsRoom(*log, append);
  for (const auto& reader : {log->NewReader(), OpenRocksLogReader(folder_, clock_)}) {
    const std::vector<Frame> frames = Drain(*reader);
    ASSERT_EQ(frames.size(), 2);
    EXPECT_EQ(frames[1].tables.at(0)->table.name, "new");
  }
}

// The target has committed what was prepared, so the frame has to come. Seen to fail, by an aborted
// check, when what is prepared is not read again after the write that has failed.
TEST_F(LogDiskTest, APreparedFrameThatMetAFullDiskIsAppendedLater) {
  const SmallDisk disk(temp_.path());
  if (!disk.mounted()) GTEST_SKIP() << "needs root to mount a small file system";
  const auto log = Open();
  const FrameDraft draft = ItemsDraft(1, 1, "cursor", true, Noise(2u << 20));
  log->Prepare(draft, "pipeline", "token");
  disk.Fill();
  EXPECT_EQ(ErrorOf([&] { log->AppendPrepared(); }).reaction(), Reaction::kRetry);
  disk.Free();
  AppendWhenThereIsRoom(*log, [&] { log->AppendPrepared(); });
  EXPECT_FALSE(log->prepared());
  EXPECT_EQ(log->applied("pipeline"), "token");
  EXPECT_EQ(Drain(*log->NewReader()).at(0).changes, draft.changes);
}

// The index's own flushes meet the full disk here: 64 KiB of entries wait in memory, the frames are
// small. Fails when entries are forgotten that could not be written.
TEST_F(LogDiskTest, TheIndexTellsAboutTheFramesAfterAFullDisk) {
  const SmallDisk disk(temp_.path());
  if (!disk.mounted()) GTEST_SKIP() << "needs root to mount a small file system";
  constexpr int kItems = 5000;
  const auto open = [&] {
    return OpenRocksLog(folder_, kSource, clock_,
                        {.memtable_bytes = 1u << 20, .index_pending_bytes = 64u << 10});
  };
  auto log = open();
  int64_t id = 0;
  const auto append = [&] {
    log->Append(ItemsDraft(id, 50, "cursor", true, Noise(40)));
    id = (id + 50) % kItems;
  };
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20; ++i) append();
    disk.Fill();
    const Error error = ErrorOf([&] {
      for (int i = 0; i < 10'000; ++i) append();
    });
    EXPECT_EQ(error.reaction(), Reaction::kRetry) << error.message();
    disk.Free();
    AppendWhenThereIsRoom(*log, append);
    ExpectIndexTellsAboutTheFrames(*log, kItems);
  }
  log.reset();
  log = open();
  ExpectIndexTellsAboutTheFrames(*log, kItems);
  log.reset();
}

}  // namespace
}  // namespace syncline
