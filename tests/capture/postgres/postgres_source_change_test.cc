// What happens to a source while it is captured: its tables are altered, emptied, replaced, hidden,
// and the database is restored.

#include <gmock/gmock.h>

#include "capture/check/check_source.h"
#include "engine/base/error.h"
#include "tests/capture/postgres/postgres_capture.h"

namespace syncline::capture {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kItemsSql[] =
    "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz NOT NULL DEFAULT "
    "now()); GRANT SELECT ON items TO reader;";

class PostgresSourceChangeTest : public PostgresCaptureTest {
 protected:
  std::unique_ptr<CaptureHarness> Start(const Deletes& deletes = {}) const {
    TableSpec spec = Spec(kItems, "updated_at");
    spec.deletes = deletes;
    auto capture = std::make_unique<CaptureHarness>(Source(), std::vector{spec});
    capture->Poll();
    return capture;
  }
  static Deletes ByReconciling() {
    return {.reconcile = Deletes::Reconcile{.every = Microseconds(0)}};
  }
  // "1=a 2=b": the second column of each row.
  static std::string Rows(const CaptureHarness& capture) {
    std::string text;
    for (const auto& [key, row] : capture.Logged(kItems)) {
      const size_t first = row.find('|') + 1;
      text +=
          (text.empty() ? "" : " ") + key + "=" + row.substr(first, row.find('|', first) - first);
    }
    return text;
  }
  static std::string FailureOf(CaptureHarness& capture) {
    try {
      capture.Poll();
    } catch (const Error& error) {
      return error.message() + " / " + error.hint();
    }
    return "no error";
  }
  void MakeMany(int rows) const {
    writer_->Execute(kItemsSql);
    writer_->Execute(sql::Format(
        "INSERT INTO items SELECT i, 'n', now() - interval '1 hour' FROM generate_series(1, {}) i",
        rows));
  }
};

// Each fails where the catalogue is not looked at in each poll's snapshot: the row came
// without the column.
TEST_F(PostgresSourceChangeTest, AColumnThatIsAddedComesWithTheNextPoll) {
  MakeItems();
  auto capture = Start();
  writer_->Execute(
      "ALTER TABLE items ADD COLUMN note text; UPDATE items SET note = 'new', updated_at = now() "
      "WHERE id = 1");
  capture->Poll();
  EXPECT_THAT(capture->Logged(kItems).at("1"), HasSubstr("|new"));
  EXPECT_THAT(capture->messages(), HasSubstr("the source's tables have changed"));
}

// Seen to fail where the catalogue's sum had columns and their types only: no row is written, and
// the log kept the old label for good. An array, a domain and a part of another type are no
// different.
TEST_F(PostgresSourceChangeTest, ALabelThatHasAnotherNameIsReadAgain) {
  writer_->Execute(
      "CREATE TYPE state AS ENUM ('open', 'shut'); CREATE DOMAIN strict AS state; CREATE TYPE pair "
      "AS (a int, b state); CREATE TABLE items (id int PRIMARY KEY, s state, l state[], d strict, "
      "p pair, updated_at timestamptz NOT NULL); INSERT INTO items SELECT i, 'open', '{open}', "
      "'open', '(1,open)', now() - interval '1 day' FROM generate_series(1, 2) i");
  auto running = Start();
  auto stopped = Start();
  writer_->Execute("ALTER TYPE state ADD VALUE 'ajar' BEFORE 'shut'");
  running->Poll();
  EXPECT_THAT(running->messages(), Not(HasSubstr("read again")));
  writer_->Execute("ALTER TYPE state RENAME VALUE 'open' TO 'wide'");
  for (CaptureHarness* capture : {running.get(), stopped.get()}) {
    capture->Poll();
    EXPECT_THAT(capture->Logged(kItems).at("2"), HasSubstr("|wide|{wide}|wide|(1,wide)|"));
    EXPECT_THAT(capture->messages(), HasSubstr("read again"));
  }
}

TEST_F(PostgresSourceChangeTest, AColumnOfTheSameNameIsAnotherColumn) {
  MakeItems();
  auto capture = Start();
  writer_->Execute(
      "BEGIN; ALTER TABLE items DROP COLUMN name; ALTER TABLE items ADD COLUMN name text; UPDATE "
      "items SET name = 'z', updated_at = now() WHERE id = 2; COMMIT");
  capture->Poll();
  EXPECT_THAT(capture->Logged(kItems).at("1"), HasSubstr("|NULL"));
  EXPECT_THAT(capture->Logged(kItems).at("2"), HasSubstr("|z"));
}

// Seen to fail where the mark knew only how many columns there are: no stamp, file or count changes
// here but the last one's. Over a restart, too, since the mark is in the cursor.
TEST_F(PostgresSourceChangeTest, ANameThatMeansAnotherColumnIsReadAgain) {
  writer_->Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, a text, b text, updated_at timestamptz NOT "
      "NULL); "
      "INSERT INTO items SELECT i, 'a' || i, 'b' || i, now() - interval '1 day' FROM "
      "generate_series(1, 2) i");
  auto running = Start();
  auto stopped = Start();
  // Of two rows each is logged, even if it looks as it did before.
  const auto row_after = [&](const sql::Sql& change) {
    stopped->Restart();
    writer_->Execute(sql::Format("BEGIN; {}; COMMIT", change));
    for (CaptureHarness* capture : {running.get(), stopped.get()}) {
      const uint64_t before = capture->changes();
      capture->Poll();
      EXPECT_EQ(capture->changes(), before + 2);
      EXPECT_THAT(capture->messages(), HasSubstr("a table was changed as a whole"));
    }
    EXPECT_EQ(running->Logged(kItems), stopped->Logged(kItems));
    return running->Logged(kItems).at("1");
  };
  using testing::EndsWith;
  using testing::StartsWith;
  EXPECT_THAT(row_after("ALTER TABLE items RENAME a TO x; ALTER TABLE items RENAME b TO a; ALTER "
                        "TABLE items RENAME x TO b"),
              StartsWith("1|a1|b1|"));
  EXPECT_THAT(row_after("ALTER TABLE items DROP COLUMN a; ALTER TABLE items RENAME b TO a"),
              StartsWith("1|a1|2"));
  EXPECT_THAT(row_after("ALTER TABLE items RENAME a TO c; ALTER TABLE items ADD a text"),
              testing::AllOf(StartsWith("1|a1|2"), EndsWith("|NULL")));
  EXPECT_THAT(row_after("ALTER TABLE items RENAME a TO d"), EndsWith("|NULL"));
}

// Nothing but the rows that are written is read where a column comes or goes.
TEST_F(PostgresSourceChangeTest, AColumnThatIsAddedOrDroppedCostsNoComparison) {
  MakeItems();
  auto capture = Start();
  writer_->Execute("ALTER TABLE items ADD COLUMN note text");
  capture->Poll();
  writer_->Execute("ALTER TABLE items DROP COLUMN name");
  capture->Poll();
  EXPECT_THAT(capture->messages(), HasSubstr("the source's tables have changed"));
  EXPECT_THAT(capture->messages(), Not(HasSubstr("as a whole")));
}

TEST_F(PostgresSourceChangeTest, AColumnOfAnotherTypeIsReadAsThatType) {
  writer_->Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name int, updated_at timestamptz NOT NULL); "
      "INSERT INTO items SELECT i, i, now() - interval '1 hour' FROM generate_series(1, 2) i");
  auto capture = Start();
  writer_->Execute(
      "ALTER TABLE items ALTER COLUMN name TYPE numeric(12, 2); UPDATE items SET name = 1.55, "
      "updated_at = now() WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(Rows(*capture), "1=1.55 2=2.00");
}

// Nothing is read twice, and nothing is logged that is there already.
TEST_F(PostgresSourceChangeTest, ATableThatIsOnlyRewrittenCostsAComparison) {
  MakeItems();
  auto capture = Start();
  writer_->Execute("VACUUM FULL items");
  writer_->Execute("CLUSTER items USING items_pkey");
  capture->Poll();
  EXPECT_EQ(capture->changes(), 2u);
  EXPECT_THAT(capture->messages(), HasSubstr("a table was changed as a whole"));
  const std::string told = capture->messages();
  writer_->Execute("INSERT INTO items VALUES (3, 'c')");
  capture->Poll();
  EXPECT_EQ(Rows(*capture), "1=a 2=b 3=c");
  EXPECT_THAT(capture->messages().substr(told.size()), Not(HasSubstr("as a whole")));
}

// Fails before filenodes were in the cursor: stamps of last year are below every bound. What
// is gone is found as `deletes` says.
TEST_F(PostgresSourceChangeTest, ATableThatIsFilledAnewWithOldStampsIsReadWhole) {
  MakeItems();
  auto none = Start();
  auto reconciling = Start(ByReconciling());
  writer_->Execute(
      "BEGIN; TRUNCATE items; INSERT INTO items VALUES (1, 'old', now() - interval '1 year'), (3, "
      "'c', now() - interval '1 year'); COMMIT");
  none->Poll();
  EXPECT_EQ(Rows(*none), "1=old 2=b 3=c");
  reconciling->Poll();
  EXPECT_EQ(Rows(*reconciling), "1=old 3=c");
}

// Also over a restart of the capture, since the mark is in the cursor.
TEST_F(PostgresSourceChangeTest, AnotherTableUnderTheNameIsComparedWhole) {
  MakeItems();
  auto running = Start();
  auto stopped = Start();
  stopped->Restart();
  writer_->Execute(
      "CREATE TABLE older (LIKE items INCLUDING ALL); INSERT INTO older VALUES (1, 'old', now() - "
      "interval '1 year'), (3, 'c', now() - interval '1 year'); BEGIN; ALTER TABLE items RENAME TO "
      "away; ALTER TABLE older RENAME TO items; COMMIT");
  for (CaptureHarness* capture : {running.get(), stopped.get()}) {
    capture->Poll();
    EXPECT_EQ(Rows(*capture), "1=old 3=c");
    EXPECT_THAT(capture->messages(), HasSubstr("is not the one that was captured"));
  }
}

// The capture runs on while the database is dropped; it comes back with what a backup of yesterday
// had, and sequences and stamps go on from there. Fails before the database was in the
// cursor: nothing of it was read.
TEST_F(PostgresSourceChangeTest, ADatabaseThatIsRestoredIsComparedWhole) {
  MakeItems();
  auto capture = Start();
  writer_.reset();
  server_.Execute("DROP DATABASE " + database_ + " WITH (FORCE)");
  server_.Execute("CREATE DATABASE " + database_);
  writer_ = Connect();
  writer_->Execute(kItemsSql);
  writer_->Execute(
      "INSERT INTO items VALUES (1, 'old', now() - interval '1 day'), (3, 'c', now() - interval '1 "
      "day')");
  capture->Poll();
  EXPECT_EQ(Rows(*capture), "1=old 3=c");
  writer_->Execute("INSERT INTO items VALUES (4, 'd')");
  capture->Poll();
  EXPECT_EQ(Rows(*capture), "1=old 3=c 4=d");
}

// Versions begin again at 1 with the sequence. Fails when the marks of earlier ticks stay.
TEST_F(PostgresSourceChangeTest, VersionsOfAnotherTableBeginAnew) {
  MakeVersions();
  writer_->Execute("SELECT setval('versions', 1000); INSERT INTO items (id) VALUES (3)");
  auto capture = Capture("version");
  capture->Poll();
  auto other = Connect();
  other->Begin(sql::Session::Isolation::kWrite);
  other->Execute("INSERT INTO items (id) VALUES (9)");
  capture->Poll();
  other->Rollback();
  writer_->Execute(
      "DROP TABLE items; DROP SEQUENCE versions; CREATE SEQUENCE versions; CREATE TABLE items (id "
      "bigint PRIMARY KEY, version bigint NOT NULL DEFAULT nextval('versions')); INSERT INTO items "
      "VALUES (5)");
  capture->Poll();
  for (int id = 6; id < 9; ++id) {
    writer_->Execute(sql::Format("INSERT INTO items (id) VALUES ({})", id));
    capture->Poll();
  }
  EXPECT_EQ(Rows(*capture), "5=1 6=2 7=3 8=4");
}

// Of a partitioned table only the rows of the new partition are read.
TEST_F(PostgresSourceChangeTest, APartitionThatIsAttachedIsReadByItself) {
  writer_->Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz NOT NULL) "
      "PARTITION BY RANGE (id); CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (0) TO "
      "(1000); INSERT INTO items SELECT i, 'n', now() - interval '1 day' FROM generate_series(1, "
      "500) i; CREATE TABLE items_2 (LIKE items); INSERT INTO items_2 VALUES (1001, 'p', now() - "
      "interval '1 year')");
  auto capture = Start();
  const uint64_t read = capture->rows_read();
  writer_->Execute("ALTER TABLE items ATTACH PARTITION items_2 FOR VALUES FROM (1000) TO (2000)");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 501u);
  EXPECT_LE(capture->rows_read() - read, 10u);
  writer_->Execute(
      "BEGIN; TRUNCATE items_2; INSERT INTO items_2 VALUES (1001, 'q', now() - interval '2 "
      "years'); COMMIT");
  capture->Poll();
  EXPECT_THAT(capture->Logged(kItems).at("1001"), HasSubstr("|q|"));
}

TEST_F(PostgresSourceChangeTest, AViewIsReadAgainWhenItIsAnotherView) {
  MakeItems();
  writer_->Execute(
      "ALTER TABLE items RENAME TO all_items; CREATE VIEW items AS SELECT * FROM all_items WHERE "
      "id = 1");
  TableSpec spec = Spec(kItems, "updated_at");
  spec.key = {"id"};
  CaptureHarness capture(Source(), {spec});
  capture.Poll();
  EXPECT_EQ(Rows(capture), "1=a");
  writer_->Execute("CREATE OR REPLACE VIEW items AS SELECT * FROM all_items");
  capture.Poll();
  EXPECT_EQ(Rows(capture), "1=a 2=b");
}

// Fails without the bound: 150 rows were deleted. The other table's row comes all the same.
TEST_F(PostgresSourceChangeTest, ARoundThatWouldDeleteMostOfATableAsksFirst) {
  MakeMany(200);
  writer_->Execute(
      "CREATE TABLE orders (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now())");
  TableSpec spec = Spec(kItems, "updated_at");
  spec.deletes = ByReconciling();
  CaptureHarness capture(Source(), {spec, Spec(kOrders, "updated_at")});
  capture.Poll();
  writer_->Execute(
      "CREATE TABLE kept AS SELECT * FROM items WHERE id > 50; DELETE FROM items WHERE id > 50; "
      "INSERT INTO orders (id) VALUES (1)");
  const std::string failure = FailureOf(capture);
  EXPECT_THAT(failure, HasSubstr("public.items: 150 of 200 rows that the log holds are not at the "
                                 "source, and max_deletes allows 100"));
  EXPECT_EQ(capture.Logged(kItems).size(), 200u);
  EXPECT_EQ(capture.Logged(kOrders).size(), 1u);
  writer_->Execute("INSERT INTO items SELECT * FROM kept WHERE id > 150");
  capture.Poll();
  EXPECT_EQ(capture.Logged(kItems).size(), 100u);
  spec.deletes.max_deletes = {.number = 3, .is_percentage = false};
  capture.Configure({spec, Spec(kOrders, "updated_at")});
  writer_->Execute("DELETE FROM items WHERE id <= 4");
  EXPECT_THAT(FailureOf(capture), HasSubstr("max_deletes allows 3"));
  spec.deletes.max_deletes = {.number = 100};
  capture.Configure({spec, Spec(kOrders, "updated_at")});
  capture.Poll();
  EXPECT_EQ(capture.Logged(kItems).size(), 96u);
}

TEST_F(PostgresSourceChangeTest, AnEmptyTableInThePlaceOfAFullOneAsksFirst) {
  MakeMany(200);
  auto capture = Start();
  writer_->Execute("DROP TABLE items");
  writer_->Execute(kItemsSql);
  EXPECT_THAT(FailureOf(*capture), HasSubstr("200 of 200 rows"));
  EXPECT_THAT(FailureOf(*capture), HasSubstr("200 of 200 rows"));
  EXPECT_EQ(capture->Logged(kItems).size(), 200u);
  writer_->Execute("INSERT INTO items SELECT i, 'm', now() FROM generate_series(1, 150) i");
  capture->Poll();
  EXPECT_EQ(capture->Logged(kItems).size(), 150u);
}

// So many that their keys are not kept: they are counted first and deleted by a second pass.
TEST_F(PostgresSourceChangeTest, ManyDeletionsAreCountedBeforeTheyAreLogged) {
  MakeMany(60'000);
  TableSpec spec = Spec(kItems, "updated_at");
  spec.deletes = ByReconciling();
  CaptureHarness capture(Source(), {spec});
  capture.Poll();
  writer_->Execute("DELETE FROM items WHERE id > 10");
  EXPECT_THAT(FailureOf(capture), HasSubstr("59990 of 60000"));
  EXPECT_EQ(capture.Keys(kItems).size(), 60'000u);
  spec.deletes.max_deletes.number = 100;
  capture.Configure({spec});
  capture.Poll();
  EXPECT_EQ(capture.Keys(kItems).size(), 10u);
}

// Fails without row_security = off: one row was captured, and with the policy narrowed the
// others were deleted.
TEST_F(PostgresSourceChangeTest, RowsThatAPolicyHidesAreNotTakenForDeleted) {
  MakeItems();
  auto capture = Start(ByReconciling());
  writer_->Execute(
      "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON items USING (id = 1)");
  const std::string failure = FailureOf(*capture);
  EXPECT_THAT(failure, HasSubstr("row-level security hides rows from role \"reader\": public.items "
                                 "(policy mine)"));
  EXPECT_THAT(failure, HasSubstr("ALTER ROLE \"reader\" BYPASSRLS"));
  EXPECT_EQ(Rows(*capture), "1=a 2=b");
  std::string found;
  TableSpec where = Spec(kItems, "updated_at");
  where.where = "id > 0";
  for (const TableSpec& spec : {Spec(kItems, "updated_at"), where}) {
    for (const CheckResult& finding : CheckSource(Source(), {spec})) {
      if (finding.level == CheckResult::Level::kFail) found += finding.message + "\n";
    }
  }
  EXPECT_THAT(found, testing::ContainsRegex("policy mine.*\n.*policy mine"));
  // A view reads as its owner, to whom the policy does not apply.
  writer_->Execute("CREATE VIEW chosen AS SELECT * FROM items WHERE id = 2");
  TableSpec view = Spec({"public", "chosen"}, "updated_at");
  view.key = {"id"};
  CaptureHarness chosen(Source(), {view});
  chosen.Poll();
  EXPECT_EQ(chosen.Logged({"public", "chosen"}).size(), 1u);
}

}  // namespace
}  // namespace syncline::capture
