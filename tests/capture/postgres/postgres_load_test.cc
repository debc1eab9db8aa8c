// What a real PostgreSQL's tables go through: loading in ranges, coming and going in the
// configuration, changing their columns.

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "engine/base/error.h"
#include "tests/capture/postgres/postgres_capture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class PostgresLoadTest : public PostgresCaptureTest {};

TEST_F(PostgresLoadTest, AStoppedLoadGoesOnWhereItWas) {
  MakeItems();
  writer_->Execute(
      "INSERT INTO items SELECT g, 'x', now() - interval '1 hour' FROM generate_series(100, 127) "
      "g");
  CaptureOptions options;
  options.load.range_rows = 10;
  CaptureHarness capture(Source(), {Spec(kItems, "updated_at")}, options);
  capture.LoadRanges(2);
  EXPECT_TRUE(capture.cut_open());
  EXPECT_EQ(capture.Logged(kItems).size(), 20u);
  writer_->Execute("UPDATE items SET name = 'new', updated_at = now() WHERE id IN (1, 127)");
  capture.Restart();
  capture.Poll();
  EXPECT_FALSE(capture.cut_open());
  EXPECT_EQ(capture.Logged(kItems).size(), 30u);
  EXPECT_EQ(capture.Logged(kItems).at("1").substr(0, 5), "1|new");
  // The ten rows that were left, and the two changes again in the poll: nothing that was loaded
  // before.
  EXPECT_LE(capture.rows_read(), 12u);
}

// Fails when a range that is done counts for another table, and when the end of one table ends the
// load.
TEST_F(PostgresLoadTest, TablesAreLoadedSideBySideAndGoOnWhereTheyWere) {
  std::vector<TableSpec> specs;
  for (const std::string name : {"a", "b", "c"}) {
    writer_->Execute(
        test::AnySql("CREATE TABLE " + name +
                     " (id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now() - "
                     "interval '1 hour'); INSERT INTO " +
                     name + " SELECT g FROM generate_series(1, 35) g"));
    specs.push_back(Spec({"public", name}, "updated_at"));
  }
  CaptureOptions options;
  options.load = {.workers = 3, .range_rows = 10};
  CaptureHarness capture(Source(), specs, options);
  capture.LoadRanges(5);
  EXPECT_TRUE(capture.cut_open());
  const uint64_t before = capture.changes();
  EXPECT_GE(before, 30u);
  capture.Restart();
  capture.Poll();
  EXPECT_FALSE(capture.cut_open());
  EXPECT_EQ(capture.changes(), 105u);  // nothing is logged twice
  for (const TableSpec& spec : specs) EXPECT_EQ(capture.Logged(spec.table).size(), 35u);
}

TEST_F(PostgresLoadTest, TheRateCapsAllWorkersTogether) {
  writer_->Execute(
      "CREATE TABLE items (id int PRIMARY KEY, name text, updated_at timestamptz NOT NULL DEFAULT "
      "now() - interval '1 hour'); CREATE TABLE orders (LIKE items INCLUDING ALL);"
      "INSERT INTO items SELECT g, repeat('x', 1000) FROM generate_series(1, 2000) g;"
      "INSERT INTO orders SELECT * FROM items");
  CaptureOptions options;
  options.load = {.workers = 2, .bytes_per_second = 1'000'000};
  CaptureHarness capture(Source(), {Spec(kItems, "updated_at"), Spec(kOrders, "updated_at")},
                         options);
  capture.Poll();
  EXPECT_EQ(capture.changes(), 4000u);
  // Four megabytes, by two sessions whose waits the test's clock adds up or not, as they meet.
  EXPECT_GE(capture.waited(), std::chrono::milliseconds(3900));
}

// A range's snapshot is held no longer than what it holds takes to be sent. Seen to fail when a
// range is as long as the rate were not there.
TEST_F(PostgresLoadTest, ASlowLoadEndsItsRangesInTime) {
  writer_->Execute(
      "CREATE TABLE items (id int PRIMARY KEY, name text, updated_at timestamptz NOT NULL DEFAULT "
      "now() - interval '1 hour'); "
      "INSERT INTO items SELECT g, repeat('x', 1000) FROM generate_series(1, 2000) g");
  CaptureOptions options;
  options.load.bytes_per_second = 100'000;
  CaptureHarness capture(Source(), {Spec(kItems, "updated_at")}, options);
  capture.LoadRanges(1);
  EXPECT_GE(capture.changes(), 90u);
  EXPECT_LE(capture.changes(), 110u);
  capture.Restart();
  capture.Poll();
  EXPECT_EQ(capture.changes(), 2000u);
  EXPECT_EQ(capture.Logged(kItems).size(), 2000u);
}

// What refers to other rows comes after them, if the configuration says so. Seen to fail with two
// workers, and when tables are taken from the other end.
TEST_F(PostgresLoadTest, TablesAreLoadedInTheOrderOfTheConfiguration) {
  writer_->Execute(
      "CREATE TABLE orders (id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()); "
      "CREATE TABLE items (LIKE orders INCLUDING ALL); "
      "INSERT INTO orders SELECT generate_series(1, 995); INSERT INTO items SELECT * FROM orders");
  CaptureOptions options;
  options.load.range_rows = 10;
  CaptureHarness capture(Source(), {Spec(kOrders, "updated_at"), Spec(kItems, "updated_at")},
                         options);
  capture.LoadRanges(100);
  EXPECT_EQ(capture.Logged(kOrders).size(), 995u);
  EXPECT_TRUE(capture.Logged(kItems).empty());
}

TEST_F(PostgresLoadTest, CompositeAndOddKeysAreLoadedInRanges) {
  writer_->Execute(
      "CREATE TYPE color AS ENUM ('red', 'green'); CREATE TABLE items (\"the day\" date, c color, "
      "\"quo\"\"ted\" text, n numeric, updated_at timestamptz NOT NULL DEFAULT now(), "
      "PRIMARY KEY (c, \"quo\"\"ted\", n, \"the day\"));"
      "INSERT INTO items SELECT date '2020-01-01' + g, CASE WHEN g % 2 = 0 THEN 'red' ELSE 'green' "
      "END::color, E'it''s \\\\ ' || g % 3, g % 5, now() - interval '1 hour' FROM "
      "generate_series(1, 57) g");
  CaptureOptions options;
  options.load.range_rows = 4;
  CaptureHarness capture(Source(), {Spec(kItems, "updated_at")}, options);
  capture.Poll();
  EXPECT_EQ(capture.Logged(kItems).size(), 57u);
  EXPECT_EQ(capture.changes(), 57u);
}

TEST_F(PostgresLoadTest, ATableThatIsConfiguredLaterIsLoadedThen) {
  MakeItems();
  writer_->Execute(
      "CREATE TABLE orders (id int PRIMARY KEY, version bigint GENERATED ALWAYS AS IDENTITY); "
      "INSERT INTO orders VALUES (1), (2)");
  auto capture = Capture();
  capture->Poll();
  auto late = Connect();
  late->Execute("BEGIN; INSERT INTO orders VALUES (3); INSERT INTO items VALUES (3, 'late')");
  writer_->Execute("INSERT INTO orders VALUES (4)");
  capture->Poll();
  capture->Configure({Spec(kItems, "updated_at"), Spec(kOrders, "version")});
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kOrders), "1|1, 2|2, 4|4");
  late->Execute("COMMIT");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kOrders), "1|1, 2|2, 3|3, 4|4");
  EXPECT_EQ(Names(*capture), "ablate");
}

TEST_F(PostgresLoadTest, ATableThatCameBackIsLoadedAgain) {
  MakeItems();
  writer_->Execute(
      "CREATE TABLE orders (id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now())");
  auto capture = Capture();
  capture->Poll();
  capture->Configure({Spec(kOrders, "updated_at")});
  capture->Poll();
  writer_->Execute(
      "UPDATE items SET name = 'c', updated_at = now() - interval '10 minutes' WHERE id = 1");
  capture->Configure({Spec(kItems, "updated_at")});
  capture->Poll();
  EXPECT_EQ(Names(*capture), "cb");
}

TEST_F(PostgresLoadTest, AWiderConditionLoadsTheTableAgain) {
  MakeItems();
  TableSpec spec = Spec(kItems, "updated_at");
  spec.where = "id > 1 -- not the first";
  CaptureHarness capture(Source(), {spec});
  capture.Poll();
  EXPECT_EQ(Names(capture), "b");
  spec.where = "id > 0 OR false";
  capture.Configure({spec});
  capture.Poll();
  EXPECT_EQ(Names(capture), "ab");
}

TEST_F(PostgresLoadTest, RowsWithoutACursorAreCountedAndLeftOut) {
  writer_->Execute(
      "CREATE TABLE items (id int PRIMARY KEY, name text, updated_at timestamptz); INSERT INTO "
      "items "
      "VALUES (1, 'a', now()), (2, 'b', NULL), (3, 'c', NULL)");
  auto capture = Capture();
  capture->Poll();
  EXPECT_EQ(Names(*capture), "a");
  EXPECT_NE(capture->messages().find("cursor column is NULL table=public.items"),
            std::string::npos);
  EXPECT_NE(capture->messages().find("rows=2"), std::string::npos);
  // Seen to fail where only the first load told of them. Where they are found by an index each run
  // does.
  writer_->Execute("CREATE INDEX ON items (updated_at); INSERT INTO items VALUES (4, 'd', NULL)");
  capture->Restart();
  capture->Poll();
  EXPECT_NE(capture->messages().find("rows=3"), std::string::npos);
  writer_->Execute("DELETE FROM items WHERE id = 4");
  writer_->Execute("UPDATE items SET updated_at = now() WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "ab");
}

TEST_F(PostgresLoadTest, ADroppedColumnIsLeftOutFromThenOn) {
  MakeItems();
  writer_->Execute("ALTER TABLE items ADD note text DEFAULT 'n'");
  auto capture = Capture();
  capture->Poll();
  writer_->Execute("ALTER TABLE items DROP note");
  writer_->Execute("UPDATE items SET name = 'c', updated_at = now() WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "cb");
  EXPECT_EQ(capture->Logged(kItems).at("1").find("|n"), std::string::npos);
}

// A table that is rewritten looks empty in a snapshot from before.
class RewrittenTable : public PostgresLoadTest {
 protected:
  // Rewrites the table in a transaction that ends once somebody waits for it.
  std::jthread RewriteItems() {
    writer_->Execute("BEGIN; ALTER TABLE items ADD r double precision DEFAULT random()");
    return std::jthread([this] {
      auto look = Connect();
      const auto waits = [&] {
        return look->Query("SELECT count(*) FROM pg_locks WHERE NOT granted").rows[0][0] != "0";
      };
      while (!waits()) std::this_thread::yield();
      writer_->Execute("COMMIT");
    });
  }
};

// Fails when a range is read without InitialLoad's call of Hold: the load ends there.
TEST_F(RewrittenTable, IsLoadedToItsEnd) {
  MakeItems();
  CaptureOptions options;
  options.load.range_rows = 1;
  CaptureHarness capture(Source(), {Spec(kItems, "updated_at")}, options);
  capture.LoadRanges(1);
  const std::jthread rewriting = RewriteItems();
  capture.Poll();
  EXPECT_EQ(Names(capture), "ab");
}

// Fails when anything is asked within a poll's transaction before the tables are locked.
TEST_F(RewrittenTable, IsReadByTheFirstPollOfASession) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  writer_->Execute("UPDATE items SET name = 'c', updated_at = now() WHERE id = 1");
  capture->Restart();
  capture->Connect();
  const std::jthread rewriting = RewriteItems();
  capture->Poll();
  EXPECT_EQ(Names(*capture), "cb");
}

TEST_F(PostgresLoadTest, ADroppedCursorStopsWithAHint) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  writer_->Execute("ALTER TABLE items RENAME updated_at TO changed_at");
  try {
    capture->Poll();
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.reaction(), Reaction::kStop);
    EXPECT_EQ(error.message(), "public.items: there is no column updated_at to poll by");
    EXPECT_EQ(error.hint(), "set cursor: for this table, for instance to changed_at");
  }
}

TEST_F(PostgresLoadTest, PartitionedTablesAndViewsAreCaptured) {
  writer_->Execute(
      "CREATE TABLE items (id int, name text, updated_at timestamptz NOT NULL DEFAULT now(), "
      "PRIMARY "
      "KEY (id)) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) "
      "TO "
      "(10); CREATE TABLE high PARTITION OF items FOR VALUES FROM (10) TO (20);"
      "CREATE VIEW orders AS SELECT * FROM items; INSERT INTO items VALUES (1, 'a'), (11, 'b')");
  TableSpec view = Spec(kOrders, "updated_at");
  view.key = {"id"};
  CaptureHarness capture(Source(), {Spec(kItems, "updated_at"), view});
  capture.Poll();
  writer_->Execute("UPDATE items SET name = 'c', updated_at = now() WHERE id = 11");
  capture.Poll();
  EXPECT_EQ(Names(capture), "ac");
  EXPECT_EQ(capture.Logged(kOrders).size(), 2u);
}

}  // namespace
}  // namespace syncline::capture
