#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "capture/check/check_source.h"
#include "capture/plan/table_spec.h"
#include "capture/polling/capture_options.h"
#include "engine/base/error.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/sqlite_items.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class SqliteCaptureTest : public testing::Test {
 protected:
  SqliteCaptureTest()
      : url_(sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string())),
        writer_(sql::Session::Open(url_, {.create = true})) {}

  std::unique_ptr<CaptureHarness> Capture(CaptureOptions options = {}) const {
    TableSpec spec;
    spec.table = kItems;
    spec.cursor = "updated_at";
    return std::make_unique<CaptureHarness>(url_, std::vector{spec}, options);
  }
  // items(id, name, updated_at) with rows of one second.
  void MakeItems() {
    writer_->Execute(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL);"
        "CREATE INDEX by_time ON items (updated_at);"
        "INSERT INTO items VALUES (1, 'a', '2026-01-31 10:00:00'), (2, 'b', '2026-01-31 "
        "10:00:00')");
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_;
  std::unique_ptr<sql::Session> writer_;
};

TEST_F(SqliteCaptureTest, LoadsThenPolls) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems), "1|a|2026-01-31 10:00:00, 2|b|2026-01-31 10:00:00");
  writer_->Execute("UPDATE items SET name = 'c', updated_at = '2026-01-31 10:00:05' WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems), "1|c|2026-01-31 10:00:05, 2|b|2026-01-31 10:00:00");
  EXPECT_EQ(capture->changes(), 3u);
}

// Fails when a file that no try makes whole again is tried again.
TEST_F(SqliteCaptureTest, ADamagedFileIsToldAtOnce) {
  MakeItems();
  writer_->Execute(
      "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
      "INSERT INTO items SELECT i, hex(randomblob(200)), '2026-01-31 10:00:00' FROM n");
  auto capture = Capture();
  capture->Connect();
  writer_->Query("PRAGMA wal_checkpoint(TRUNCATE)");
  writer_.reset();
  const auto file = folder_.path() / "source.db";
  std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
  damaged.seekp(4096);
  damaged << std::string(std::filesystem::file_size(file) - 4096, '\xff');
  damaged.close();
  try {
    capture->Poll();
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.reaction(), Reaction::kDamage) << error.message();
  }
  EXPECT_EQ(capture->messages().find("will try again"), std::string::npos) << capture->messages();
}

// Fails when a poll reads what is greater than the last value seen.
TEST_F(SqliteCaptureTest, RowsOfTheSameSecondAreCaptured) {
  MakeItems();
  CaptureOptions options;
  options.margin = Microseconds(0);
  auto capture = Capture(options);
  capture->Poll();
  writer_->Execute("INSERT INTO items VALUES (3, 'tie', '2026-01-31 10:00:00')");
  capture->Poll();
  writer_->Execute("UPDATE items SET name = 'tie again' WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems),
            "1|tie again|2026-01-31 10:00:00, 2|b|2026-01-31 10:00:00, 3|tie|2026-01-31 10:00:00");
  EXPECT_EQ(capture->changes(), 4u);
}

// Fails when each row of a table is told of.
TEST_F(SqliteCaptureTest, StampsAheadOfTheClockAreToldOnce) {
  MakeItems();
  std::mutex turn;
  CaptureOptions options;
  options.node = NodeOptions{.id = 7, .turn = &turn, .settle = [] {}};
  auto capture = Capture(options);
  capture->Poll();
  for (int id = 10; id < 13; ++id) {
    writer_->Change("INSERT INTO items VALUES ($1, 'ahead', '2999-01-01 00:00:00')",
                    {std::to_string(id)});
  }
  capture->Poll();
  EXPECT_NE(capture->LoggedText(kItems).find("12|ahead"), std::string::npos);
  const std::string& told = capture->messages();
  const size_t first = told.find("is ahead of the database's clock");
  ASSERT_NE(first, std::string::npos) << told;
  EXPECT_EQ(told.find("is ahead of the database's clock", first + 1), std::string::npos) << told;
}

// A program took the time, then waited for the lock.
TEST_F(SqliteCaptureTest, StampsThatAreALittleOlderAreCaptured) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  writer_->Execute("INSERT INTO items VALUES (3, 'late', '2026-01-31 09:59:58')");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).count("3"), 1u);
}

// Seen to fail when Trusts always says yes: the row of 2099 then hides the rows behind it.
TEST_F(SqliteCaptureTest, ARowStampedInTheFutureHidesNothing) {
  MakeItems();
  writer_->Execute("INSERT INTO items VALUES (3, 'before the load', '2098-02-01 00:00:00')");
  auto capture = Capture();
  capture->Poll();
  writer_->Execute("INSERT INTO items VALUES (4, 'after it', '2099-02-01 00:00:00')");
  capture->Poll();
  writer_->Execute("INSERT INTO items VALUES (5, 'now', '2026-01-31 10:00:07')");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 5u);
}

TEST_F(SqliteCaptureTest, NothingIsReadWhenNothingWasCommitted) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  capture->Poll();
  const uint64_t before = capture->rows_read();
  capture->Poll();
  EXPECT_EQ(capture->rows_read(), before);
  writer_->Execute("UPDATE items SET name = 'c' WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(capture->rows_read(), before + 2);
  EXPECT_EQ(capture->changes(), 3u);
}

TEST_F(SqliteCaptureTest, NumbersAreACursor) {
  for (const std::string type : {"INTEGER", "REAL", ""}) {
    writer_->Execute(test::AnySql(
        "DROP TABLE IF EXISTS items; CREATE TABLE items (id INTEGER PRIMARY KEY, updated_at " +
        type + " NOT NULL); INSERT INTO items VALUES (1, 9), (2, 10)"));
    auto capture = Capture();
    capture->Poll();
    writer_->Execute("INSERT INTO items VALUES (3, 11), (4, 10)");
    capture->Poll();
    EXPECT_EQ(capture->Logged(kItems).size(), 4u) << type;
  }
}

TEST_F(SqliteCaptureTest, RowsThatChangeDuringTheLoadAreCaptured) {
  MakeItems();
  for (int i = 3; i <= 40; ++i) {
    writer_->Execute(test::AnySql("INSERT INTO items VALUES (" + std::to_string(i) +
                                  ", 'x', '2026-01-31 09:00:00')"));
  }
  CaptureOptions options;
  options.load.range_rows = 10;
  auto capture = Capture(options);
  capture->LoadRanges(2);
  EXPECT_TRUE(capture->cut_open());
  writer_->Execute(
      "UPDATE items SET name = 'new', updated_at = '2026-01-31 10:00:00' WHERE id IN (1, 15, 40)");
  capture->Restart();
  capture->Poll();
  EXPECT_FALSE(capture->cut_open());
  EXPECT_EQ(capture->Logged(kItems).size(), 40u);
  for (const char* id : {"1", "15", "40"}) {
    EXPECT_EQ(capture->Logged(kItems).at(id), std::string(id) + "|new|2026-01-31 10:00:00");
  }
  // 20 rows of the load that were left, and the three new ones and row 2 in the poll.
  EXPECT_EQ(capture->rows_read(), 24u);
}

TEST_F(SqliteCaptureTest, AnEmptyTableIsCapturedFromItsFirstRowOn) {
  writer_->Execute("CREATE TABLE items (id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)");
  auto capture = Capture();
  capture->Poll();
  EXPECT_EQ(capture->changes(), 0u);
  writer_->Execute("INSERT INTO items VALUES (1, '2026-01-31 10:00:00')");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems), "1|2026-01-31 10:00:00");
}

TEST_F(SqliteCaptureTest, KeysOfSeveralColumnsAreLoadedInRanges) {
  writer_->Execute(
      "CREATE TABLE items (a TEXT, b INTEGER, updated_at TEXT NOT NULL, PRIMARY KEY (a, b)) "
      "WITHOUT ROWID;"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) "
      "INSERT INTO items SELECT 'it''s ' || (i % 3), i, '2026-01-31 10:00:00' FROM n");
  CaptureOptions options;
  options.load.range_rows = 7;
  auto capture = Capture(options);
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 50u);
}

// Seen to fail when polls look at updated_at alone.
TEST_F(SqliteCaptureTest, ACreationTimeCountsUntilARowIsUpdated) {
  writer_->Execute(
      "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT, created_at TEXT NOT "
      "NULL); INSERT INTO items VALUES (1, 'a', NULL, '2026-01-31 10:00:00'), "
      "(2, 'b', '2026-01-31 10:00:01', '2026-01-30 10:00:00')");
  TableSpec spec;
  spec.table = kItems;
  spec.cursor = "coalesce(updated_at, created_at)";
  const auto warning = [&] {
    std::string text;
    for (const CheckResult& finding : CheckSource(url_, {spec})) {
      if (finding.level != CheckResult::Level::kPass) text += finding.hint;
    }
    return text;
  };
  const std::string hint = warning();
  ASSERT_NE(hint.find("run: CREATE INDEX"), std::string::npos);
  writer_->Execute(test::AnySql(hint.substr(hint.find("CREATE INDEX"))));
  EXPECT_EQ(warning(), "");
  CaptureHarness capture(url_, {spec}, {.margin = Microseconds(0)});
  capture.Poll();
  writer_->Execute("INSERT INTO items VALUES (3, 'c', NULL, '2026-01-31 10:00:02')");
  capture.Poll();
  const uint64_t read = capture.rows_read();
  writer_->Execute("UPDATE items SET name = 'd', updated_at = '2026-01-31 10:00:03' WHERE id = 1");
  capture.Poll();
  EXPECT_EQ(capture.rows_read() - read, 2u);  // what was seen last, and what is new
  EXPECT_EQ(capture.LoggedText(kItems),
            "1|d|2026-01-31 10:00:03|2026-01-31 10:00:00, "
            "2|b|2026-01-31 10:00:01|2026-01-30 10:00:00, 3|c|NULL|2026-01-31 10:00:02");
}

}  // namespace
}  // namespace syncline::capture
