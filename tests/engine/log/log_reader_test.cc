// Readers of a log on RocksDB that another process opens.
#include "engine/log/log_reader.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <set>

#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

namespace syncline {
namespace {

TEST(LogReaderOpenTest, AFolderWithoutALogIsAnEnvironmentError) {
  TempFolder temp;
  SystemClock clock;
  for (const std::filesystem::path& folder : {temp.path(), temp.path() / "not-there"}) {
    const Error error = ErrorOf([&] { OpenRocksLogReader(folder, clock); });
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_FALSE(error.hint().empty());
    EXPECT_NE(error.message().find(folder), std::string::npos);
  }
}

// What a reader finds that comes between two steps of the writer's making the log. Aborts in
// RocksDB when the reader drops the store with the column family still open.
TEST(LogReaderOpenTest, ALogThatIsHalfMadeIsNoLogYet) {
  TempFolder temp;
  SystemClock clock;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* store = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, temp.path() / "log", &store).ok());
  const std::unique_ptr<rocksdb::DB> owner(store);
  EXPECT_EQ(ErrorOf([&] { OpenRocksLogReader(temp.path() / "log", clock); }).exit_code(), 3);
}

// Fails when the reader leaves anything behind, or needs to write: readers may have no right to.
TEST(LogReaderOpenTest, AReaderWritesNothingIntoTheFolder) {
  TempFolder temp;
  SystemClock clock;
  OpenRocksLog(temp.path() / "log", kSource, clock)->Append(ItemsDraft(0, 1));
  const auto list = [&] {
    std::set<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(temp.path())) {
      files.insert(entry.path());
    }
    return files;
  };
  const auto before = list();
  const auto reader = OpenRocksLogReader(temp.path() / "log", clock);
  EXPECT_EQ(Drain(*reader).size(), 1);
  EXPECT_EQ(list(), before);
}

// Fails when the secondary instance does not follow to the new MANIFEST and WAL that a restarted
// writer makes.
TEST(LogReaderOpenTest, AReaderLivesThroughRestartsOfTheWriter) {
  TempFolder temp;
  SystemClock clock;
  const auto open = [&] {
    return OpenRocksLog(temp.path() / "log", kSource, clock, {.memtable_bytes = 64u << 10});
  };
  auto log = open();
  const auto reader = OpenRocksLogReader(temp.path() / "log", clock);
  std::vector<Frame> frames;
  for (int restart = 0; restart < 6; ++restart) {
    for (int i = 0; i < 100; ++i) {
      log->Append(ItemsDraft(i, 20, "cursor", true, std::to_string(restart * 7919 + i)));
      if (i % 10 == restart) {
        for (Frame& frame : Drain(*reader)) frames.push_back(std::move(frame));
      }
    }
    log.reset();
    log = open();
  }
  for (Frame& frame : Drain(*reader)) frames.push_back(std::move(frame));
  EXPECT_EQ(frames.size(), 600);
  ExpectChain(frames, Offset(0), 0);
}

}  // namespace
}  // namespace syncline
