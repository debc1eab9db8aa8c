#include <functional>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "tests/capture/postgres_capture.h"
#include "tests/capture/tombstone_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class PostgresTombstonesTest : public PostgresCaptureTest {
 protected:
  static TableSpec Items() { return WithTombstones(Spec(kItems, "updated_at")); }

  std::unique_ptr<CaptureHarness> Start(const TableSpec& spec = Items()) {
    InstallTombstones(*writer_, spec, "reader");
    CaptureOptions options;
    options.margin = Microseconds(0);
    options.load.range_rows = 2;
    return std::make_unique<CaptureHarness>(Source(), std::vector{spec}, options);
  }
  // The keys of the rows that are there, by the log.
  static std::string Keys(const CaptureHarness& capture) {
    std::string keys;
    for (const auto& [key, row] : capture.Logged(kItems)) keys += (keys.empty() ? "" : " ") + key;
    return keys;
  }
  static void ExpectStop(const std::string& text, const std::function<void()>& body) {
    try {
      body();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kStop) << error.message();
      EXPECT_NE((error.message() + error.hint()).find(text), std::string::npos) << error.message();
    }
  }
};

// Seen to fail when a tombstone counts although its key is there, and without the trigger for keys
// that change.
TEST_F(PostgresTombstonesTest, EveryWayInWhichRowsGoIsSeen) {
  MakeItems();
  auto capture = Start();
  capture->Poll();
  writer_->Execute("DELETE FROM items WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "2");
  writer_->Execute("UPDATE items SET id = 3, updated_at = now() WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "3");
  writer_->Execute("TRUNCATE items");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "");
  writer_->Execute("INSERT INTO items VALUES (3, 'again')");
  capture->Poll();
  writer_->Execute(
      "BEGIN; DELETE FROM items; INSERT INTO items VALUES (3, 'kept'), (4, 'not kept'); "
      "DELETE FROM items WHERE id = 4; COMMIT");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems).substr(0, 6), "3|kept");
  EXPECT_EQ(Keys(*capture), "3");
}

// Seen to fail when tombstones are read from the last tick on, and not from where the horizon says.
TEST_F(PostgresTombstonesTest, ADeletionThatIsCommittedLateIsSeen) {
  MakeItems();
  auto capture = Start();
  capture->Poll();
  const auto late = Connect();
  late->Execute("BEGIN; DELETE FROM items WHERE id = 1");
  capture->Poll();
  writer_->Execute("DELETE FROM items WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "1");
  late->Execute("COMMIT");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "");
}

// Seen to fail when the first poll reads the tombstones of the last moments only.
TEST_F(PostgresTombstonesTest, WhatGoesDuringTheLoadIsDeletedByTheFirstPoll) {
  MakeItems();
  writer_->Execute("INSERT INTO items VALUES (3, 'c'), (4, 'd'), (5, 'e')");
  auto capture = Start();
  capture->LoadRanges(1);
  writer_->Execute("DELETE FROM items WHERE id IN (1, 4)");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "2 3 5");
}

// Seen to fail when a key counts as there that is outside of what is captured.
TEST_F(PostgresTombstonesTest, RowsOutsideOfTheSetCountAsGone) {
  MakeItems();
  TableSpec spec = Items();
  spec.where = "name <> 'out' -- of the set";
  auto capture = Start(spec);
  capture->Poll();
  writer_->Execute("DELETE FROM items; INSERT INTO items VALUES (1, 'out'), (2, 'in')");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "2");
}

TEST_F(PostgresTombstonesTest, OddNamesAndKeysOfSeveralColumnsAreNoMatter) {
  const TableName odd{"public", "odd \"name\" % of 'a table' that is longer than it should be"};
  const std::string table = sql::Quote(odd).ToString();
  writer_->Execute(
      test::AnySql("CREATE DOMAIN code AS text CHECK (value <> ''); CREATE TABLE " + table +
                   "(\"a \"\"b\" code, \"{c}\" numeric(6,2), version bigint NOT NULL GENERATED "
                   "ALWAYS AS IDENTITY, PRIMARY KEY (\"a \"\"b\", \"{c}\")); INSERT INTO " +
                   table + " VALUES ('x', 1.5), ('x', 2), ('y', 1.5)"));
  auto capture = Start(WithTombstones(Spec(odd, "version")));
  capture->Poll();
  writer_->Execute(test::AnySql("DELETE FROM " + table + " WHERE \"{c}\" = 2"));
  writer_->Execute(test::AnySql("UPDATE " + table + " SET \"{c}\" = 9 WHERE \"a \"\"b\" = 'y'"));
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(odd), "x|1.50|1, y|9.00|3");
}

TEST_F(PostgresTombstonesTest, VersionsFromASequenceAreThoseOfTheStatesThatAreGone) {
  MakeVersions();
  const TableSpec spec = WithTombstones(Spec(kItems, "version"));
  auto capture = Start(spec);
  capture->Poll();
  writer_->Execute("DELETE FROM items WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "1");
}

// The writer owns nothing and may not even look at the tombstones.
TEST_F(PostgresTombstonesTest, WhoDeletesNeedsNoPrivilegeOnTheTombstones) {
  MakeItems();
  auto capture = Start();
  capture->Poll();
  writer_->Execute("GRANT DELETE, TRUNCATE ON items TO reader; SET ROLE reader");
  writer_->Execute("DELETE FROM items WHERE id = 1; TRUNCATE items; RESET ROLE");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "");
}

// Seen to fail with triggers for each statement on the parent: a partition's own deletions are
// missed.
TEST_F(PostgresTombstonesTest, DeletionsInPartitionsAreSeen) {
  writer_->Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()) "
      "PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (10); "
      "CREATE TABLE high PARTITION OF items FOR VALUES FROM (10) TO (20);"
      "INSERT INTO items VALUES (1), (2), (3), (11), (12)");
  auto capture = Start();
  capture->Poll();
  writer_->Execute("CREATE TABLE more PARTITION OF items FOR VALUES FROM (20) TO (30)");
  writer_->Execute("INSERT INTO items VALUES (21), (22)");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "1 11 12 2 21 22 3");
  writer_->Execute(
      "DELETE FROM low WHERE id = 1; DELETE FROM items WHERE id = 2; TRUNCATE high; DELETE FROM "
      "more WHERE id = 21; UPDATE items SET id = 13, updated_at = now() WHERE id = 3");
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "13 22");
  const TombstoneState state = LookAtTombstones(*writer_, ShapeOf(*writer_, Items()));
  EXPECT_EQ(state.problem, "");
  EXPECT_NE(state.caution.find("more"), std::string::npos) << "its own TRUNCATE is not seen";
}

// A statement on the parent fires no statement trigger of its children. Seen to fail when a child's
// trigger is one for each statement.
TEST_F(PostgresTombstonesTest, DeletionsThroughAParentAreSeenByTheChild) {
  for (const bool partition : {true, false}) {
    writer_->Execute(
        "DROP TABLE IF EXISTS parent, items CASCADE; CREATE TABLE parent (id bigint, updated_at "
        "timestamptz NOT NULL DEFAULT now())");
    if (partition) {
      writer_->Execute(
          "DROP TABLE parent; CREATE TABLE parent (id bigint, updated_at timestamptz NOT NULL "
          "DEFAULT now()) PARTITION BY RANGE (id); CREATE TABLE items PARTITION OF parent (PRIMARY "
          "KEY (id)) FOR VALUES FROM (0) TO (10)");
    } else {
      writer_->Execute("CREATE TABLE items (PRIMARY KEY (id)) INHERITS (parent)");
    }
    writer_->Execute("INSERT INTO items VALUES (1), (2), (3)");
    auto capture = Start();
    capture->Poll();
    writer_->Execute("DELETE FROM parent WHERE id = 2");
    capture->Poll();
    EXPECT_EQ(Keys(*capture), "1 3") << partition;
    RemoveTombstones(*writer_, Items());
  }
}

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

// Seen to fail without a horizon at the source: the log keeps the row for good, in silence. And the
// horizon of a key that cannot be NULL.
TEST_F(PostgresTombstonesTest, WhatWasDroppedSinceALogThatIsPutBackIsLookedFor) {
  writer_->Execute("CREATE DOMAIN code AS text NOT NULL CHECK (value <> '')");
  const TableName coded{"public", "coded"};
  const TableSpec spec = WithTombstones(Spec(coded, "updated_at"));
  writer_->Execute(
      "CREATE TABLE coded (code code PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT "
      "clock_timestamp()); INSERT INTO coded VALUES ('a'), ('b'), ('c'), ('d')");
  const auto keys = [&](const CaptureHarness& capture) {
    std::string keys;
    for (const auto& [key, row] : capture.Logged(coded)) keys += key;
    return keys;
  };
  auto capture = Start(spec);
  capture->Poll();
  capture->BackUp();
  writer_->Execute("DELETE FROM coded WHERE code = 'a'");
  capture->Poll();
  EXPECT_EQ(PruneAll(*writer_, spec), 1u);
  EXPECT_EQ(PruneTombstones(*writer_, ShapeOf(*writer_, spec), 3600), 0u);  // and it stays
  writer_->Execute("DELETE FROM coded WHERE code = 'c'");                   // has a tombstone
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(keys(*capture), "bd");
  EXPECT_EQ(Times(kLookedFor, capture->messages()), 0);
  capture->PutBack();
  capture->Poll();
  EXPECT_EQ(keys(*capture), "bd");
  EXPECT_EQ(Times(kLookedFor, capture->messages()), 1);
  writer_->Execute("INSERT INTO coded VALUES ('e')");
  capture->Poll();
  EXPECT_EQ(Times(kLookedFor, capture->messages()), 1);
}

// Seen to fail in the same way: what a transaction has written down long ago and committed late is
// dropped before anybody could read it, and is older than what was dropped before.
TEST_F(PostgresTombstonesTest, WhatIsDroppedBeforeItWasReadIsLookedFor) {
  MakeItems();
  writer_->Execute("INSERT INTO items VALUES (3, 'c')");
  auto capture = Start();
  capture->Poll();
  const auto late = Connect();
  late->Execute("BEGIN; DELETE FROM items WHERE id = 1");
  writer_->Execute("DELETE FROM items WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(PruneAll(*writer_, Items()), 1u);
  late->Execute("COMMIT");
  EXPECT_EQ(PruneAll(*writer_, Items()), 1u);
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "3");
  // Polls go on reaching back to there, and it was settled.
  const auto again = Connect();
  again->Execute("BEGIN; DELETE FROM items WHERE id = 3");
  writer_->Execute("INSERT INTO items VALUES (4, 'd')");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Times(kLookedFor, capture->messages()), 1);
  again->Execute("COMMIT");
  EXPECT_EQ(PruneAll(*writer_, Items()), 1u);
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "4");
}

// Seen to fail when only the next deletions count.
TEST_F(PostgresTombstonesTest, WhatWentWhileThereWereNoTriggersIsLookedFor) {
  MakeItems();
  writer_->Execute("INSERT INTO items VALUES (3, 'c')");
  auto capture = Start();
  capture->Poll();
  RemoveTombstones(*writer_, Items());
  writer_->Execute("DELETE FROM items WHERE id = 1");
  InstallTombstones(*writer_, Items(), "reader");
  writer_->Execute("COMMENT ON TABLE syncline_tombstones_items IS 'somebody''s own'");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Keys(*capture), "2 3");
  EXPECT_EQ(Times(kLookedFor, capture->messages()), 1);
}

}  // namespace
}  // namespace syncline::capture
