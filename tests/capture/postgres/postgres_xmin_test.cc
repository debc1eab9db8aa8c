// Tables without a cursor, captured by the ids of the transactions that wrote their rows.

#include "capture/plan/capture_plan.h"
#include "capture/plan/cursor_choice.h"
#include "engine/base/error.h"
#include "tests/capture/postgres/postgres_capture.h"
#include "tests/capture/tombstone_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

TableSpec ByXmin(const TableName& table = kItems) {
  TableSpec spec;
  spec.table = table;
  spec.method = CaptureMethod::kXmin;
  return spec;
}

class PostgresXminTest : public PostgresCaptureTest {
 protected:
  // items(id, name), of which no column tells when a row was written.
  void MakeItems() {
    writer_->Execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a'), "
        "(2, 'b'), (3, 'c')");
  }
  std::unique_ptr<CaptureHarness> Start(const TableSpec& spec = ByXmin()) {
    auto capture = std::make_unique<CaptureHarness>(Source(), std::vector{spec});
    capture->Poll();
    return capture;
  }
};

// Each commits after a poll that has seen younger transactions commit. Fails when a table is read
// from the xmax of the snapshot before on, and when the cursor in the log does not hold the xmin.
TEST_F(PostgresXminTest, WhateverCommitsLateIsReached) {
  MakeItems();
  auto capture = Start();
  EXPECT_EQ(Names(*capture), "abc");
  auto late = Connect(), saved = Connect(), prepared = Connect();
  late->Execute("BEGIN; UPDATE items SET name = 'late' WHERE id = 1");
  saved->Execute("BEGIN; SELECT pg_current_xact_id()");
  prepared->Execute("BEGIN; INSERT INTO items VALUES (4, 'prepared'); PREPARE TRANSACTION 'p'");
  writer_->Execute("UPDATE items SET name = 'x' WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "axc");
  saved->Execute(
      "SAVEPOINT s; UPDATE items SET name = 'no' WHERE id = 3; ROLLBACK TO s; SAVEPOINT t; "
      "UPDATE items SET name = 'saved' WHERE id = 3");
  writer_->Execute("UPDATE items SET name = 'y' WHERE id = 2");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Names(*capture), "ayc");
  late->Execute("COMMIT");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "lateyc");
  capture->Restart();
  saved->Execute("COMMIT");
  prepared->Execute("COMMIT PREPARED 'p'");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "lateysavedprepared");
}

// Fails when the snapshot's text is not compared.
TEST_F(PostgresXminTest, OnlyWhatWasWrittenSinceIsReadAndNothingWhileNobodyWrites) {
  MakeItems();
  writer_->Execute("INSERT INTO items SELECT g, 'many' FROM generate_series(10, 1000) g");
  auto capture = Start();
  capture->Poll();
  const uint64_t read = capture->rows_read();
  writer_->Execute("UPDATE items SET name = 'x' WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(capture->rows_read(), read + 1);
  writer_->Query("SELECT * FROM items");
  capture->Poll();
  EXPECT_EQ(capture->rows_read(), read + 1);
  writer_->Execute("BEGIN; UPDATE items SET name = 'y'; ROLLBACK");
  writer_->Execute("VACUUM FREEZE items");
  capture->Poll();
  EXPECT_EQ(capture->rows_read(), read + 1);
  EXPECT_EQ(capture->changes(), 995u);
}

// In a first cut, before the first poll, and beside ranges of a load.
TEST_F(PostgresXminTest, WhatIsWrittenWhileTheTableIsLoadedIsCaptured) {
  MakeItems();
  CaptureOptions options;
  options.load.range_rows = 1;
  CaptureHarness capture(Source(), {ByXmin()}, options);
  auto late = Connect();
  late->Execute("BEGIN; UPDATE items SET name = 'late' WHERE id = 1");
  capture.LoadRanges(2);
  writer_->Execute(
      "UPDATE items SET name = 'x' WHERE id = 2; INSERT INTO items VALUES (0, 'zero')");
  late->Execute("COMMIT");
  capture.Restart();
  capture.Poll();
  EXPECT_EQ(Names(capture), "zerolatexc");
}

TEST_F(PostgresXminTest, DeletionsComeByTombstonesAndByLookingForThem) {
  MakeItems();
  const TableSpec tombstones = WithTombstones(ByXmin());
  InstallTombstones(*writer_, tombstones, "reader");
  auto capture = Start(tombstones);
  writer_->Execute("DELETE FROM items WHERE id = 2; UPDATE items SET id = 7 WHERE id = 3");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems), "1|a, 7|c");
  TableSpec reconciled = ByXmin();
  reconciled.deletes.reconcile = Deletes::Reconcile{.every = Microseconds(0)};
  capture->Configure({reconciled});
  writer_->Execute("DELETE FROM items WHERE id = 7");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems), "1|a");
  EXPECT_EQ(capture->messages().find("had not seen"), std::string::npos);
}

// Sums would differ, and every key be asked for, if the log told versions of before.
TEST_F(PostgresXminTest, ATableThatChangesItsMethodIsLoggedAnewWithItsVersions) {
  PostgresCaptureTest::MakeItems();
  auto capture = Start(Spec(kItems, "updated_at"));
  const auto versions = [&] {
    int count = 0;
    for (const LoggedKey& key : capture->Keys(kItems)) count += key.version.is_null() ? 0 : 1;
    return count;
  };
  EXPECT_EQ(versions(), 2);
  capture->Configure({ByXmin()});
  capture->Poll();
  EXPECT_EQ(versions(), 0);
  EXPECT_EQ(capture->changes(), 4u);
  capture->Configure({Spec(kItems, "updated_at")});
  capture->Poll();
  EXPECT_EQ(versions(), 2);
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(capture->changes(), 6u);
}

// Rows that come with a partition were written long ago, by anybody.
TEST_F(PostgresXminTest, PartitionsComeAndGo) {
  writer_->Execute(
      "CREATE TABLE items (id int PRIMARY KEY, name text) PARTITION BY RANGE (id); "
      "CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (10); "
      "CREATE TABLE high (id int PRIMARY KEY, name text); "
      "INSERT INTO items VALUES (1, 'a'); INSERT INTO high VALUES (11, 'old')");
  auto capture = Start();
  writer_->Execute("SELECT pg_current_xact_id()");
  capture->Poll();
  writer_->Execute("ALTER TABLE items ATTACH PARTITION high FOR VALUES FROM (10) TO (20)");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "aold");
  writer_->Execute(
      "ALTER TABLE items DETACH PARTITION low; UPDATE low SET name = 'away'; "
      "ALTER TABLE items ATTACH PARTITION low FOR VALUES FROM (0) TO (10)");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "awayold");
  const uint64_t read = capture->rows_read();
  capture->Poll();
  EXPECT_EQ(capture->rows_read(), read);
}

// Fails, with the row deleted, when a row without a version counts as one that is not there.
TEST_F(PostgresXminTest, ARowThatIsTooLargeStaysAtTheSourceAndIsNotDeleted) {
  MakeItems();
  TableSpec spec = ByXmin();
  spec.row_bytes_max = 1000;
  auto capture = Start(spec);
  writer_->Execute("UPDATE items SET name = repeat('x', 5000) WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "abc");
  writer_->Execute("UPDATE items SET name = 'small' WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "asmallc");
}

// A view has rows of many tables; a poll of another table in between leaves it alone.
TEST_F(PostgresXminTest, AViewIsComparedWhereThereIsAKey) {
  MakeItems();
  writer_->Execute(
      "CREATE TABLE more (id bigint PRIMARY KEY, price int); INSERT INTO more VALUES (1, 5), (2, "
      "6); "
      "CREATE VIEW orders AS SELECT id, name, price FROM items JOIN more USING (id)");
  TableSpec view;
  view.table = kOrders;
  view.key = {"id"};
  view.method = CaptureMethod::kCompare;
  view.deletes.reconcile = Deletes::Reconcile{.every = Microseconds(0)};
  CaptureHarness capture(Source(), {ByXmin(), view});
  capture.Poll();
  EXPECT_EQ(capture.LoggedText(kOrders), "1|a|5, 2|b|6");
  writer_->Execute(
      "UPDATE items SET name = 'x' WHERE id = 1; DELETE FROM more WHERE id = 2; "
      "INSERT INTO more VALUES (3, 7)");
  capture.Poll();
  EXPECT_EQ(capture.LoggedText(kOrders), "1|x|5, 3|c|7");
  EXPECT_EQ(Names(capture), "xbc");
}

TEST_F(PostgresXminTest, WhatHasNoTransactionIdsIsRefused) {
  MakeItems();
  writer_->Execute("CREATE VIEW orders AS SELECT * FROM items");
  auto session = Connect();
  TableSpec view = ByXmin(kOrders), both = ByXmin();
  view.key = {"id"};
  both.cursor = "id";
  EXPECT_THROW(PlanTable(*session, view), Error);
  EXPECT_THROW(PlanTable(*session, both), Error);
  EXPECT_THROW(RefuseInTwoDirections(PlanTable(*session, ByXmin())), Error);
}

}  // namespace
}  // namespace syncline::capture
