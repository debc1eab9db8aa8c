// Deletions that triggers write down, as capture reads them: in time, in partitions, for who may
// not read them, and after what nobody could read any more.

#include "tests/capture/postgres/postgres_tombstones.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

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
