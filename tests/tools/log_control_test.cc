#include "tools/control/log_control.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/catalog/folder_catalog.h"
#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class LogControlTest : public SqliteFilesTest {
 protected:
  std::shared_ptr<Logger> logger_ = std::make_shared<NullLogger>();
  SystemClock clock_;
  // Longer than a socket's path may be.
  const fs::path log_folder_ = folder_ / std::string(150, 'x') / "log";
  const LogRef place_ = FolderLog(log_folder_);
  const std::unique_ptr<ChangeLog> log_ = place_->Open("test:source", clock_);
  capture::CaptureOrders orders_;
};

// Fails with the socket's whole path in its address.
TEST_F(LogControlTest, ABackupIsOrderedFromAnotherProcess) {
  EXPECT_FALSE(OrderBackup(*place_, folder_ / "backup"));
  LogControl control(*log_, orders_, *place_, logger_);
  const std::jthread serving([&](std::stop_token stop) { control.Run(std::move(stop)); });
  ASSERT_TRUE(OrderBackup(*place_, folder_ / "backup"));
  EXPECT_TRUE(fs::exists(folder_ / "backup" / "durable"));
  try {
    OrderBackup(*place_, folder_ / "backup");
    ADD_FAILURE() << "made over another backup";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_THAT(error.message(), HasSubstr("not empty"));
  }
}

// Fails when the rows that are named do not arrive as they were, or are cut off where a line gets
// too long.
TEST_F(LogControlTest, APollIsOrderedFromAnotherProcess) {
  EXPECT_FALSE(OrderPoll(*place_));
  LogControl control(*log_, orders_, *place_, logger_);
  const std::jthread serving([&](std::stop_token stop) { control.Run(std::move(stop)); });
  std::vector<capture::RowKeys> again(2), taken;
  again[0].table = {"", "odd \"name\""};
  again[1].table = {"public", "items"};
  for (int i = 0; i < 3000; ++i) {
    again[i % 2].keys.emplace_back().Append(
        ValueView::Text(std::string(40, 'x') + std::to_string(i)));
  }
  const std::jthread capturing([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      capture::CaptureOrders::Taken orders = orders_.Take();
      taken.insert(taken.end(), orders.again().begin(), orders.again().end());
      orders.Done(Offset(42));
      orders_.Sleep(clock_, std::chrono::seconds(10), stop);
    }
  });
  EXPECT_EQ(OrderPoll(*place_), Offset(42));
  EXPECT_EQ(OrderPoll(*place_, again), Offset(42));
  std::map<TableName, std::vector<Row>> keys;
  for (const capture::RowKeys& rows : taken) {
    keys[rows.table].insert(keys[rows.table].end(), rows.keys.begin(), rows.keys.end());
  }
  EXPECT_GT(taken.size(), 2u);
  EXPECT_EQ(keys.size(), 2u);
  for (const capture::RowKeys& rows : again) EXPECT_EQ(keys[rows.table], rows.keys);
}

// Fails when the socket of a writer that was killed is in the way of the next one, and when anybody
// may connect.
TEST_F(LogControlTest, ASocketThatWasLeftBehindIsReplaced) {
  { const LocalSocket left = LocalSocket::Listen(log_folder_ / "control"); }
  EXPECT_TRUE(fs::exists(log_folder_ / "control"));
  EXPECT_FALSE(OrderBackup(*place_, folder_ / "backup"));
  {
    LogControl control(*log_, orders_, *place_, logger_);
    struct stat status = {};
    ASSERT_EQ(::stat((log_folder_ / "control").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    EXPECT_TRUE(LocalSocket::Connect(log_folder_ / "control"));
  }
  EXPECT_FALSE(fs::exists(log_folder_ / "control"));
}

TEST_F(LogControlTest, WhatIsNoOrderIsAnsweredAndHarmsNothing) {
  LogControl control(*log_, orders_, *place_, logger_);
  for (const std::string line :
       {"", "{", "null", "[]", "{\"do\": 1}", "{\"do\": \"format\"}", "{\"do\": \"backup\"}",
        "{\"do\": \"backup\", \"into\": \"relative\"}", "{\"do\": \"backup\", \"into\": [\"/\"]}",
        "\xff\xfe", "{\"do\":\"recapture\"}", "{\"do\":\"recapture\",\"rows\":[1]}",
        "{\"do\":\"recapture\",\"rows\":[{\"table\":\"t\",\"keys\":[\"\\\\x0\"]}]}",
        "{\"do\":\"recapture\",\"rows\":[{\"table\":\"t\",\"keys\":[\"\\\\xffff\"]}]}",
        "{\"do\":\"backup\",\"into\":\"\\u0000\"}"}) {
    EXPECT_THAT(control.Answer(line), StartsWith("{\"error\":")) << line;
  }
  EXPECT_THAT(control.Answer(std::string(60'000, '[')), StartsWith("{\"error\":"));
}

// Fails when one caller who says nothing, too much, or goes, keeps the next from being heard.
TEST_F(LogControlTest, ACallerWhoMisbehavesIsLeft) {
  LogControl control(*log_, orders_, *place_, logger_);
  const std::jthread serving([&](std::stop_token stop) { control.Run(std::move(stop)); });
  LocalSocket::Connect(log_folder_ / "control");
  const auto much = LocalSocket::Connect(log_folder_ / "control");
  much->WriteLine(std::string(1 << 20, '['), std::chrono::seconds(10));
  EXPECT_FALSE(much->ReadLine(1 << 20, std::chrono::seconds(30)));
  EXPECT_TRUE(OrderBackup(*place_, folder_ / "backup"));
}

}  // namespace
}  // namespace syncline::cli
