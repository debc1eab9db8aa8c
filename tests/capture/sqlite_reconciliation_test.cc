// Deletions that are found by looking for the log's keys, on SQLite: one by one.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "capture/polling/reconciliation.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/sqlite_items.h"

namespace syncline::capture {
namespace {

class SqliteReconciliationTest : public testing::Test {
 protected:
  void SetUp() override {
    writer_->Execute(
        "CREATE TABLE items (id PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL DEFAULT "
        "(strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 day')));"
        "INSERT INTO items (id, name) VALUES (1, 'a'), (2.5, 'b'), ('x', 'c'), (x'00', 'd')");
  }
  std::unique_ptr<CaptureHarness> Capture(Microseconds every) {
    TableSpec spec;
    spec.table = kItems;
    spec.cursor = "updated_at";
    spec.deletes.reconcile = Deletes::Reconcile{.every = every};
    auto capture = std::make_unique<CaptureHarness>(url_, std::vector{spec});
    capture->Poll();
    return capture;
  }
  static std::string Names(const CaptureHarness& capture) {
    std::string names;
    for (const auto& [id, row] : capture.Logged(kItems)) {
      const size_t begin = row.find('|') + 1;
      names += row.substr(begin, row.find('|', begin) - begin);
    }
    return names;
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_ =
      sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string());
  std::unique_ptr<sql::Session> writer_ = sql::Session::Open(url_, {.create = true});
};

// Keys of every kind in one column, which SQLite orders in its own way.
TEST_F(SqliteReconciliationTest, WhatIsGoneIsDeletedWhateverItsKey) {
  auto capture = Capture(Microseconds(0));
  EXPECT_EQ(Names(*capture).size(), 4u);
  writer_->Execute("DELETE FROM items WHERE name IN ('b', 'd')");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "ac");
  writer_->Execute("DELETE FROM items");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "");
}

// Seen to fail when a row with another version than the log's is not read.
TEST_F(SqliteReconciliationTest, WhatPollsDidNotSeeIsMendedAndToldOf) {
  auto capture = Capture(Microseconds(0));
  writer_->Execute("UPDATE items SET name = 'z', updated_at = '2001-01-01' WHERE id = 1");
  capture->Poll();
  EXPECT_NE(Names(*capture).find('z'), std::string::npos);
  EXPECT_NE(capture->messages().find("polls had not seen table=items rows=1"), std::string::npos)
      << capture->messages();
}

// Seen to fail when a round begins with every poll.
TEST_F(SqliteReconciliationTest, ARoundBeginsWhenItIsTime) {
  auto capture = Capture(std::chrono::hours(1));
  writer_->Execute("DELETE FROM items WHERE id = 1");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Names(*capture).size(), 4u);
}

}  // namespace
}  // namespace syncline::capture
