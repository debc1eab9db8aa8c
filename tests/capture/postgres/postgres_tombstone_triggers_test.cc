// Triggers for deletions that are not what capture needs, or have come to be so, stop it.

#include "engine/base/error.h"
#include "tests/capture/postgres/postgres_tombstones.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

// Seen to fail without the look at pg_inherits: the children's deletions are not written down.
TEST_F(PostgresTombstonesTest, ATableWithHeirsIsRefused) {
  MakeItems();
  writer_->Execute("CREATE TABLE heir () INHERITS (items)");
  try {
    PlanTables(*writer_, {Items()});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("inherit from it"), std::string::npos) << error.message();
  }
}

// Seen to fail when a trigger that is not disabled passes for one that fires.
TEST_F(PostgresTombstonesTest, TriggersThatDoNotAlwaysFireStopCapture) {
  MakeItems();
  auto capture = Start();
  capture->Poll();
  for (const std::string how : {"ENABLE", "ENABLE REPLICA"}) {
    writer_->Execute(
        test::AnySql("ALTER TABLE items " + how + " TRIGGER syncline_tombstones_update"));
    ExpectStop("syncline_tombstones_update does not always fire", [&] { capture->Poll(); });
    writer_->Execute("ALTER TABLE items ENABLE ALWAYS TRIGGER syncline_tombstones_update");
    capture->Restart();
    capture->Poll();
  }
}

// Seen to fail when partitions' triggers are not looked at, and when what was done to them leaves
// no mark: whatever was deleted while they were off is told of as a gap.
TEST_F(PostgresTombstonesTest, TriggersThatAreOffOnOnePartitionStopCapture) {
  writer_->Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()) "
      "PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (10); "
      "INSERT INTO items VALUES (1), (2)");
  auto capture = Start();
  capture->Poll();
  writer_->Execute("CREATE TABLE high PARTITION OF items FOR VALUES FROM (10) TO (20)");
  capture->Poll();
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(capture->messages().find("triggers were changed"), std::string::npos);
  for (const std::string partition : {"low", "high"}) {
    writer_->Execute(
        test::AnySql("ALTER TABLE " + partition + " DISABLE TRIGGER syncline_tombstones_delete"));
    ExpectStop("does not always fire on partition public." + partition, [&] { capture->Poll(); });
    writer_->Execute(test::AnySql("ALTER TABLE " + partition +
                                  " ENABLE ALWAYS TRIGGER syncline_tombstones_delete"));
    capture->Restart();
    capture->Poll();
    EXPECT_NE(capture->messages().find("triggers were changed"), std::string::npos);
  }
  writer_->Execute("DELETE FROM items WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "2");
}

// The function behind the triggers knows the key's columns by their names.
TEST_F(PostgresTombstonesTest, ARenamedKeyColumnIsToldByTheNextPoll) {
  MakeItems();
  auto capture = Start();
  capture->Poll();
  writer_->Execute("ALTER TABLE items RENAME id TO number");
  EXPECT_THROW(writer_->Execute("DELETE FROM items WHERE number = 1"), Error);
  ExpectStop("the triggers fail, and deletions with", [&] { capture->Poll(); });
  RemoveTombstones(*writer_, Items());
  InstallTombstones(*writer_, Items(), "reader");
  capture->Restart();
  capture->Poll();
  writer_->Execute("DELETE FROM items WHERE number = 1");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "2");
}

// What a replica or a restore leaves out is written down all the same.
TEST_F(PostgresTombstonesTest, TriggersFireForReplicatedDeletionsToo) {
  MakeItems();
  auto capture = Start();
  capture->Poll();
  writer_->Execute("SET session_replication_role = replica; DELETE FROM items WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "2");
}

// TRUNCATE takes away rows that such a transaction does not see.
TEST_F(PostgresTombstonesTest, ATruncateThatCannotBeSeenIsRefused) {
  MakeItems();
  auto capture = Start();
  writer_->Execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
  EXPECT_THROW(writer_->Execute("TRUNCATE items"), Error);
  writer_->Execute("ROLLBACK");
}

// Seen to fail without TombstoneWatch, within one session.
TEST_F(PostgresTombstonesTest, TriggersThatAreNotThereAnyMoreStopCapture) {
  MakeItems();
  ExpectStop("syncline prepare --apply", [&] { CaptureHarness(Source(), {Items()}).Poll(); });
  auto capture = Start();
  capture->Poll();
  writer_->Execute("ALTER TABLE items DISABLE TRIGGER syncline_tombstones_delete");
  ExpectStop("syncline prepare --apply", [&] { capture->Poll(); });
  writer_->Execute("ALTER TABLE items ENABLE ALWAYS TRIGGER syncline_tombstones_delete");
  capture->Restart();
  capture->Poll();
  EXPECT_NE(capture->messages().find("triggers were changed"), std::string::npos);
  RemoveTombstones(*writer_, Items());
  ExpectStop("syncline prepare --apply", [&] { capture->Poll(); });
}

// Another key is not what the triggers write down. (Another type of the key's columns is something
// that PostgreSQL itself refuses while the trigger is there.)
TEST_F(PostgresTombstonesTest, TombstonesOfAnotherKeyAreTold) {
  MakeItems();
  auto capture = Start();
  capture->Poll();
  TableSpec other = Items();
  other.key = {"id", "name"};
  ExpectStop("which is part of the key", [&] { PlanTables(*writer_, {other}); });
  EXPECT_THROW(writer_->Execute("ALTER TABLE items ALTER COLUMN id TYPE numeric"), Error);
}

TEST_F(PostgresTombstonesTest, AViewHasNone) {
  MakeItems();
  writer_->Execute("CREATE VIEW seen AS SELECT * FROM items");
  TableSpec spec = WithTombstones(Spec({"public", "seen"}, "updated_at"));
  spec.key = {"id"};
  try {
    PlanTables(*writer_, {spec});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("a view"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace syncline::capture
