// Deletions that are found by looking for the log's keys, on PostgreSQL: by sums of ranges.

#include "capture/polling/reconciliation.h"

#include <thread>

#include "tests/capture/postgres/postgres_capture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class PostgresReconciliationTest : public PostgresCaptureTest {
 protected:
  static TableSpec Items(const std::string& cursor = "updated_at", uint64_t rate = 20'000) {
    TableSpec spec = Spec(kItems, cursor);
    spec.deletes.reconcile = Deletes::Reconcile{.every = Microseconds(0), .rate = rate};
    return spec;
  }
  std::unique_ptr<CaptureHarness> Start(const TableSpec& spec) {
    auto capture = std::make_unique<CaptureHarness>(Source(), std::vector{spec});
    capture->Poll();
    return capture;
  }
  void MakeMany(const std::string& key = "bigint") {
    writer_->Execute(test::AnySql(
        "CREATE TABLE items (id " + key +
        " PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()); INSERT INTO "
        "items SELECT i, now() - interval '1 day' FROM generate_series(-6000, 6000) i"));
  }
  std::string Count() { return writer_->Query("SELECT count(*) FROM items").rows[0][0].value(); }
};

TEST_F(PostgresReconciliationTest, WhatIsGoneIsDeletedWhereverItWas) {
  MakeMany();
  TableSpec all_may_go = Items();
  all_may_go.deletes.max_deletes.number = 100;
  auto capture = Start(all_may_go);
  EXPECT_EQ(capture->changes(), 12'001u);
  writer_->Execute("DELETE FROM items WHERE id IN (-6000, -1, 0, 77, 6000) OR id % 1000 = 1");
  capture->Poll();
  EXPECT_EQ(std::to_string(capture->Logged(kItems).size()), Count());
  writer_->Execute("TRUNCATE items");
  capture->Poll();
  EXPECT_TRUE(capture->Logged(kItems).empty());
}

// Seen to fail when all keys of a range are asked for because of one: 5,000 look-ups.
TEST_F(PostgresReconciliationTest, AFewDeletionsCostALookAtTheirNeighboursOnly) {
  MakeMany();
  writer_->Execute("VACUUM ANALYZE items");
  auto capture = Start(Items());
  // A session that has ended has told the server's statistics all.
  const auto looked_up = [&] {
    capture->Restart();
    const auto number = [&](const std::string& sql) {
      return std::stoul(writer_->Query(test::AnySql(sql)).rows.at(0).at(0).value());
    };
    while (number("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'") != 0) {
      std::this_thread::yield();
    }
    return number("SELECT idx_scan FROM pg_stat_user_indexes WHERE relname = 'items'");
  };
  const auto before = looked_up();
  writer_->Execute("DELETE FROM items WHERE updated_at IS NOT NULL AND id::text IN ('77', '6000')");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 11'999u);
  EXPECT_LE(looked_up() - before, 1'000u);
}

// Seen to fail when the texts that are hashed here are not those of the server.
TEST_F(PostgresReconciliationTest, TheSumsAreTheServersForEveryTypeThatIsHashed) {
  writer_->Execute(
      "CREATE TABLE items (a bigint, b smallint, c uuid, d date, e timestamp, f timestamptz, "
      "updated_at timestamptz NOT NULL, PRIMARY KEY (a, b, c, d, e, f)); INSERT INTO items VALUES "
      "(-9223372036854775808, -1, '00000000-0000-0000-0000-000000000000', '-infinity', "
      "'4713-01-01 BC', '-infinity', '1970-01-01'), (9223372036854775807, 0, "
      "'ffffffff-ffff-ffff-ffff-ffffffffffff', 'infinity', 'infinity', '9999-12-31 "
      "23:59:59.999999', 'infinity'), (0, 7, gen_random_uuid(), '0044-03-15 BC', '2026-01-31 "
      "23:59:59.5', '1999-12-31 23:59:59.000001+09', now())");
  TableSpec spec = Items();
  auto capture = Start(spec);
  const CapturePlan plan = PlanTable(*writer_, spec);
  ASSERT_TRUE(KeyIsHashed(plan));
  const auto row = writer_->Query(SumUpSql(plan, "")).rows.at(0);
  const auto log = capture->Keys(kItems);
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(*row.at(0) + "|" + *row.at(1) + "|" + *row.at(2), SumUp(log));
  writer_->Execute("DELETE FROM items WHERE a = 0");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 2u);
}

// Text is ordered otherwise there than in the log's index. Seen to fail when its ranges are summed
// up all the same.
TEST_F(PostgresReconciliationTest, KeysWithoutThatOrderAreLookedForOneByOne) {
  writer_->Execute(
      "CREATE TABLE items (id text COLLATE \"en-x-icu\" PRIMARY KEY, updated_at timestamptz NOT "
      "NULL DEFAULT now()); INSERT INTO items VALUES ('a'), ('B'), ('ä'), ('Z'), ('')");
  auto capture = Start(Items());
  ASSERT_FALSE(KeyIsHashed(PlanTable(*writer_, Items())));
  writer_->Execute("DELETE FROM items WHERE id IN ('B', 'ä', '')");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems).substr(0, 1), "Z");
  EXPECT_EQ(capture->Logged(kItems).size(), 2u);
}

// A row whose stamp went backwards, and rows before the first and behind the last key. Seen to fail
// when a range that differs is not read.
TEST_F(PostgresReconciliationTest, WhatPollsDidNotSeeIsMendedAndToldOf) {
  MakeMany();
  TableSpec spec = Items();
  auto capture = Start(spec);
  writer_->Execute(
      "UPDATE items SET updated_at = now() - interval '2 days' WHERE id = 5; INSERT INTO items "
      "VALUES (100000, now() - interval '2 days'), (-100000, now() - interval '2 days')");
  capture->Restart();  // without the trim by xmin nothing says that these are new
  capture->Poll();
  EXPECT_EQ(std::to_string(capture->Logged(kItems).size()), Count());
  EXPECT_NE(capture->messages().find("rows=3"), std::string::npos) << capture->messages();
}

// A row whose cursor was set to NULL is not captured any more, but it is there. Seen to fail when
// it is looked for among the rows that are captured.
TEST_F(PostgresReconciliationTest, ARowWithoutACursorIsNotDeleted) {
  writer_->Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, updated_at timestamptz); INSERT INTO items "
      "VALUES (1, now()), (2, now())");
  auto capture = Start(Items());
  writer_->Execute("UPDATE items SET updated_at = NULL WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 2u);
}

TEST_F(PostgresReconciliationTest, DeletionsAndReinsertionsInBetweenDoNotMatter) {
  MakeVersions();
  auto capture = Start(Items("version"));
  writer_->Execute("DELETE FROM items WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 1u);
  writer_->Execute("INSERT INTO items (id) VALUES (2)");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 2u);
  EXPECT_EQ(capture->messages().find("had not seen"), std::string::npos);
}

}  // namespace
}  // namespace syncline::capture
