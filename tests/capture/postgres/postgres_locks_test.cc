// What a poll may believe of a table that it could lock, and of one that it could not: views,
// foreign partitions, tables of which the role may read some columns only.

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "engine/base/error.h"
#include "tests/capture/postgres/postgres_capture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class PostgresLocksTest : public PostgresCaptureTest {
 protected:
  static TableSpec Reconciled(TableSpec spec) {
    spec.key = {"id"};
    spec.deletes.reconcile = Deletes::Reconcile{.every = Microseconds(0)};
    return spec;
  }
};

// In a snapshot from before it is rewritten the table is empty once it is rewritten. Seen to fail
// when views are left out of LOCK TABLE: every row is then deleted in the log.
TEST_F(PostgresLocksTest, ATableThatIsRewrittenBeneathAViewLosesNoRows) {
  MakeItems();
  writer_->Execute("CREATE VIEW seen AS SELECT * FROM items");
  const TableName seen{"public", "seen"};
  CaptureHarness capture(Source(), {Reconciled(Spec(seen, "updated_at"))});
  capture.Poll();
  ASSERT_EQ(capture.Logged(seen).size(), 2u);
  writer_->Execute("BEGIN; ALTER TABLE items ADD r double precision DEFAULT random()");
  std::jthread committing([this] {
    auto look = Connect();
    const auto waits = [&] {
      return look->Query("SELECT count(*) FROM pg_locks WHERE NOT granted").rows[0][0] != "0";
    };
    while (!waits()) std::this_thread::yield();
    writer_->Execute("COMMIT");
  });
  capture.Poll();
  EXPECT_EQ(capture.Logged(seen).size(), 2u);
}

// Seen to fail when LOCK TABLE is tried, when xmin is read, and when reconciling is allowed.
TEST_F(PostgresLocksTest, ARoleThatMayReadSomeColumnsPollsWithoutALock) {
  MakeItems();
  writer_->Execute(
      "ALTER TABLE items ADD secret text; REVOKE SELECT ON items FROM reader; "
      "GRANT SELECT (id, name, updated_at) ON items TO reader");
  TableSpec spec = Spec(kItems, "updated_at");
  spec.omit = {"secret"};
  CaptureHarness capture(Source(), {spec}, {.margin = Microseconds(0)});
  capture.Poll();
  for (const std::string name : {"c", "d"}) {  // the second poll knows what the first one saw
    writer_->Execute(
        test::AnySql("UPDATE items SET name = '" + name + "', updated_at = now() WHERE id = 1"));
    capture.Poll();
    EXPECT_EQ(Names(capture), name + "b");
  }
  try {
    CaptureHarness(Source(), {Reconciled(spec)}).Poll();
    FAIL() << "reconciles";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(error.message().find("that this role may lock"), std::string::npos)
        << error.message();
  }
}

// The rows of a new partition are read when it comes, whatever their stamps. No transaction ends
// where a file grows. Seen to fail when a table whose partitions are foreign counts as this
// server's own.
TEST_F(PostgresLocksTest, RowsOfAForeignPartitionAreReadByEveryPoll) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::others_all,
                               std::filesystem::perm_options::add);
  const std::filesystem::path file = folder.path() / "rows.csv";
  std::ofstream(file) << "11,far,2026-01-31 00:00:00+00\n";
  writer_->Execute(
      "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; "
      "CREATE TABLE items (id bigint, name text, updated_at timestamptz NOT NULL DEFAULT now()) "
      "PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (10); "
      "INSERT INTO items VALUES (1, 'near')");
  TableSpec spec = Spec(kItems, "updated_at");
  spec.key = {"id"};
  CaptureHarness capture(Source(), {spec}, {.margin = Microseconds(0)});
  capture.Poll();
  EXPECT_EQ(Names(capture), "near");
  writer_->Execute(test::AnySql(
      "CREATE FOREIGN TABLE high PARTITION OF items FOR VALUES FROM (10) TO (20) SERVER files "
      "OPTIONS (filename '" +
      file.string() + "', format 'csv')"));
  capture.Poll();
  std::ofstream(file, std::ios::app) << "12,farther,2100-01-31 00:00:00+00\n";
  capture.Poll();
  EXPECT_EQ(Names(capture), "nearfarfarther");
}

}  // namespace
}  // namespace syncline::capture
