#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "engine/base/error.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/sqlite_items.h"
#include "tests/capture/tombstone_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class SqliteTombstonesTest : public testing::Test {
 protected:
  void SetUp() override {
    writer_->Execute(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, code TEXT UNIQUE, updated_at TEXT NOT NULL "
        "DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));"
        "INSERT INTO items (id, code) VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  }
  static TableSpec Spec() {
    TableSpec spec;
    spec.table = kItems;
    spec.cursor = "updated_at";
    return WithTombstones(spec);
  }
  std::unique_ptr<CaptureHarness> Capture() {
    InstallTombstones(*writer_, Spec());
    auto capture = std::make_unique<CaptureHarness>(url_, std::vector{Spec()});
    capture->Poll();
    return capture;
  }
  // The ids of the rows that are there, by the log.
  static std::string Ids(const CaptureHarness& capture) {
    std::string ids;
    for (const auto& [id, row] : capture.Logged(kItems)) ids += id;
    return ids;
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_ =
      sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string());
  std::unique_ptr<sql::Session> writer_ = sql::Session::Open(url_, {.create = true});
};

TEST_F(SqliteTombstonesTest, WhatIsDeletedGoesAndWhatIsThereAgainStays) {
  auto capture = Capture();
  EXPECT_EQ(Ids(*capture), "123");
  writer_->Execute("DELETE FROM items WHERE id < 3; INSERT INTO items (id, code) VALUES (2, 'x')");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "23");
  writer_->Execute("DELETE FROM items");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "");
  const uint64_t changes = capture->changes();
  writer_->Execute("UPDATE items SET code = 'nothing'");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(capture->changes(), changes);
}

TEST_F(SqliteTombstonesTest, AKeyThatChangesIsADeletion) {
  auto capture = Capture();
  writer_->Execute("UPDATE items SET id = 9, updated_at = '2099-01-01 00:00:00' WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "239");
}

// Seen to fail without the triggers for other unique keys: REPLACE tells no trigger what it
// deletes.
TEST_F(SqliteTombstonesTest, RowsThatReplaceTakesAwayAreSeen) {
  auto capture = Capture();
  writer_->Execute("INSERT OR REPLACE INTO items (id, code) VALUES (7, 'a')");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "237");
  writer_->Execute("UPDATE OR REPLACE items SET code = 'c' WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "27");
}

// Rows that are deleted between a range of the load and the first poll.
TEST_F(SqliteTombstonesTest, WhatGoesDuringTheLoadIsDeletedByTheFirstPoll) {
  InstallTombstones(*writer_, Spec());
  CaptureOptions options;
  options.load.range_rows = 1;
  CaptureHarness capture(url_, {Spec()}, options);
  capture.LoadRanges(2);
  writer_->Execute("DELETE FROM items WHERE id IN (1, 3)");
  capture.Restart();
  capture.Poll();
  EXPECT_EQ(Ids(capture), "2");
}

// Seen to fail when the numbers of a new table begin at 1: capture waits for what is above those
// that it has seen.
TEST_F(SqliteTombstonesTest, TombstonesThatAreMadeAnewAreRead) {
  auto capture = Capture();
  for (int id = 10; id < 100; ++id) {
    writer_->Execute(test::AnySql("INSERT INTO items (id) VALUES (" + std::to_string(id) + ")"));
  }
  capture->Poll();
  writer_->Execute("DELETE FROM items WHERE id >= 10");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "123");
  RemoveTombstones(*writer_, Spec());
  InstallTombstones(*writer_, Spec());
  writer_->Execute("DELETE FROM items WHERE id = 1");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "23");
}

// Seen to fail without TombstoneWatch: the poll after the removal reads on as if nothing was.
TEST_F(SqliteTombstonesTest, TriggersThatAreMissingAreAnErrorThatNamesPrepare) {
  const auto expect_error = [](const std::function<void()>& body) {
    try {
      body();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kStop);
      EXPECT_NE(error.hint().find("syncline prepare --apply"), std::string::npos);
    }
  };
  expect_error([&] { CaptureHarness(url_, {Spec()}).Poll(); });
  auto capture = Capture();
  writer_->Execute("DROP TRIGGER syncline_tombstones_items_delete");
  expect_error([&] { capture->Poll(); });
  InstallTombstones(*writer_, Spec());
  writer_->Execute("DELETE FROM items WHERE id = 1");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "23");
}

// Seen to fail without a horizon at the source: the log keeps the row for good, in silence.
TEST_F(SqliteTombstonesTest, WhatWasDroppedSinceALogThatIsPutBackIsLookedFor) {
  auto capture = Capture();
  capture->BackUp();
  writer_->Execute("DELETE FROM items WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(PruneAll(*writer_, Spec()), 1u);
  writer_->Execute("DELETE FROM items WHERE id = 3");  // has a tombstone
  capture->PutBack();
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "2");
  EXPECT_EQ(Times(kLookedFor, capture->messages()), 1);
  capture->Restart();
  writer_->Execute("INSERT INTO items (id) VALUES (5)");
  capture->Poll();
  EXPECT_EQ(Times(kLookedFor, capture->messages()), 1);
}

// Seen to fail in the same way: nobody has put an old log back, capture was down for too long.
TEST_F(SqliteTombstonesTest, WhatIsDroppedBeforeItWasReadIsLookedFor) {
  auto capture = Capture();
  writer_->Execute("DELETE FROM items WHERE id = 1");
  PruneAll(*writer_, Spec());
  EXPECT_EQ(PruneAll(*writer_, Spec()), 0u);  // and the horizon stays
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "23");
}

// Seen to fail when only tombstones of keys that are gone count as seen.
TEST_F(SqliteTombstonesTest, DroppingWhatWasReadCostsNothing) {
  auto capture = Capture();
  writer_->Execute("DELETE FROM items WHERE id = 1");
  capture->Poll();
  writer_->Execute("INSERT OR REPLACE INTO items (id, code) VALUES (2, 'b')");  // stays
  capture->Poll();
  EXPECT_EQ(PruneAll(*writer_, Spec()), 2u);
  capture->Restart();
  writer_->Execute("INSERT INTO items (id) VALUES (5)");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "235");
  CaptureHarness other(url_, {Spec()});  // a new log has nothing that could be missing
  other.Poll();
  EXPECT_EQ(Ids(other), "235");
  EXPECT_EQ(Times(kLookedFor, capture->messages() + other.messages()), 0);
}

// Seen to fail when only the text of the triggers tells that there was a time without them.
TEST_F(SqliteTombstonesTest, WhatWentWhileThereWereNoTriggersIsLookedFor) {
  auto capture = Capture();
  RemoveTombstones(*writer_, Spec());
  writer_->Execute("DELETE FROM items WHERE id = 1");
  InstallTombstones(*writer_, Spec());
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "23");
  TableSpec without = Spec();
  without.deletes = {};
  capture->Configure({without});
  writer_->Execute("DELETE FROM items WHERE id = 2");
  PruneAll(*writer_, Spec());
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "23");
  capture->Configure({Spec()});
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "3");
}

}  // namespace
}  // namespace syncline::capture
