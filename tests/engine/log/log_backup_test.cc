// Copies of a log while it is written.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "engine/log/care/log_verify.h"
#include "engine/log/folder/mark.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class LogBackupTest : public testing::Test {
 protected:
  std::unique_ptr<ChangeLog> Open(const fs::path& folder) {
    return OpenRocksLog(folder, kSource, clock_, {.memtable_bytes = 64u << 10});
  }

  TempFolder temp_;
  const fs::path folder_ = temp_.path() / "log";
  const fs::path backup_ = temp_.path() / "backups" / "monday";
  SystemClock clock_;
};

// On another file system a backup copies as long as the log is large. Seen to fail, with a copy
// that was made all the same, where the stop did not get there.
TEST_F(LogBackupTest, AStopEndsItAndLeavesNothingBehind) {
  const auto log = Open(folder_);
  log->Append(ItemsDraft(0, 10));
  std::stop_source stop;
  stop.request_stop();
  const Error error = ErrorOf([&] { log->Backup(backup_, stop.get_token()); });
  EXPECT_EQ(error.exit_code(), 3);
  EXPECT_NE(error.message().find("was stopped"), std::string::npos) << error.message();
  EXPECT_TRUE(fs::is_empty(backup_.parent_path()));
  log->Append(ItemsDraft(10, 10));
  EXPECT_EQ(log->Backup(backup_).next, log->next());
}

// Fails when the mark in the copy is that of a later moment than the files (it then promises frames
// that are not there), when a copy is cut off by a flush that runs meanwhile, and when retention
// drops frames between the two.
TEST_F(LogBackupTest, ACopyMadeWhileWritingIsAWholeLog) {
  const auto log = Open(folder_);
  log->Append(ItemsDraft(0, 10));  // the first copy may be made before the writer's first frame
  std::jthread keeper([&](std::stop_token stop) {
    const auto retention = log->NewRetention({.keep_bytes = 50'000});
    while (!stop.stop_requested()) retention->Run(stop);
  });
  std::jthread writer([&](std::stop_token stop) {
    for (int i = 0; !stop.stop_requested(); ++i) log->Append(ItemsDraft(10 * i, 10));
  });
  for (int round = 0; round < 10; ++round) {
    const fs::path into = temp_.path() / std::to_string(round);
    const LogBackup made = log->Backup(into);
    const LogVerification found = VerifyLog(into, clock_, {}, [](const auto&) {});
    EXPECT_FALSE(found.damage) << found.damage->message();
    EXPECT_EQ(found.end, made.next);
    EXPECT_EQ(found.whole, made.next);
    {
      const auto copy = Open(into);
      EXPECT_GE(copy->next(), made.next);
      const auto reader = copy->NewReader();
      reader->Seek(reader->begin());
      EXPECT_EQ(Drain(*reader).back().header.end(), copy->next());
      copy->Append(ItemsDraft(7, 1));
    }
    fs::remove_all(into);
  }
}

TEST_F(LogBackupTest, AnEmptyLogAndAnEmptyFolderWillDo) {
  const auto log = Open(folder_);
  fs::create_directories(backup_);
  EXPECT_EQ(log->Backup(backup_).next, Offset(0));
  EXPECT_EQ(Open(backup_)->next(), Offset(0));
}

TEST_F(LogBackupTest, AFolderThatHoldsSomethingIsLeftAlone) {
  const auto log = Open(folder_);
  log->Append(ItemsDraft(1, 10));
  log->Backup(backup_);
  EXPECT_EQ(ErrorOf([&] { log->Backup(backup_); }).exit_code(), 2);
  EXPECT_EQ(ErrorOf([&] { log->Backup(folder_); }).exit_code(), 2);
  EXPECT_EQ(Open(backup_)->next(), Offset(10));
}

// Fails when what a killed backup has left is in the way, or is taken for one of the user's own.
TEST_F(LogBackupTest, WhatAKilledBackupLeftIsReplacedAndNothingElse) {
  const auto log = Open(folder_);
  log->Append(ItemsDraft(1, 10));
  const fs::path part = backup_.string() + ".part";
  fs::create_directories(part);
  std::ofstream(part / "000007.sst") << "half";
  log->Backup(backup_);
  EXPECT_FALSE(fs::exists(part));
  fs::remove_all(backup_);
  fs::create_directories(part);
  std::ofstream(part / "novel.txt") << "chapter one";
  EXPECT_EQ(ErrorOf([&] { log->Backup(backup_); }).exit_code(), 2);
  EXPECT_TRUE(fs::exists(part / "novel.txt"));
  EXPECT_FALSE(fs::exists(backup_));
}

TEST_F(LogBackupTest, WhatConsumersHaveSeenIsInTheCopy) {
  const auto log = Open(folder_);
  log->Append(ItemsDraft(0, 10));
  log->NewReader()->Acknowledge("p", Offset(4));
  log->Backup(backup_);
  EXPECT_EQ(OpenRocksLogReader(backup_, clock_)->Consumers(),
            (std::vector<Consumer>{{"p", Offset(4)}}));
}

}  // namespace
}  // namespace syncline
