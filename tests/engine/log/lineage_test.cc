#include <gtest/gtest.h>

#include <rocksdb/db.h>

#include "engine/log/cut_writer.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

// What the log keeps of databases that are written to from others: row clocks, and frames that are
// prepared before what they tell of has happened.

namespace syncline {
namespace {

constexpr NodeId kHere = 7, kThere = 9;

class LineageTest : public testing::Test {
 protected:
  LineageTest() {
    users_.node = kHere;
    users_.now = 1'000;
    users_.accept = [](const TableSchema&, int64_t stamp) { return stamp; };
    users_.own = [this](const TableSchema&, const Value& version) {
      own_.push_back(version.view().as_int());
    };
  }

  void Reopen() {
    log_.reset();
    log_ = OpenRocksLog(folder_, kSource, clock_);
  }

  void LoseIndex() {
    const std::string name = folder_.string();
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, name, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& family : names) descriptors.push_back({family, {}});
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, name, descriptors, &families, &db).ok());
    for (rocksdb::ColumnFamilyHandle* family : families) {
      const bool lost = family->GetName() == "index";
      EXPECT_TRUE(!lost || db->DropColumnFamily(family).ok());
      EXPECT_TRUE(db->DestroyColumnFamilyHandle(family).ok());
    }
    delete db;
  }

  // One poll that sees these rows, and nothing of those that are gone.
  void Poll(const std::vector<Row>& rows, const std::vector<int64_t>& gone = {}) {
    CutWriter writer(*log_, {.users = &users_});
    for (const Row& row : rows) writer.Add(items_, row);
    for (const int64_t id : gone) writer.AddDeletion(items_, ItemKey(id), Value());
    writer.Close("cursor");
  }

  FrameDraft Applied(int64_t id, std::string_view name, RowClock clock) {
    Row row = Item(id, name, clock.time);
    FrameDraft draft{.tables = {items_}, .cursor = log_->cursor()};
    draft.fingerprints.push_back(row.fingerprint());
    draft.changes.push_back({.row = std::move(row),
                             .version = Stamp(clock.time),
                             .lineage = Lineage{.clock = clock, .via = kThere}});
    return draft;
  }

  std::vector<Change> Changes() {
    std::vector<Change> changes;
    for (Frame& frame : Drain(*log_->NewReader())) {
      for (Change& change : frame.changes) changes.push_back(std::move(change));
    }
    return changes;
  }

  std::optional<IndexEntry> Known(int64_t id) {
    return log_->Lookup(items_->table, {ItemKey(id)}).front();
  }

  TempFolder temp_;
  const std::filesystem::path folder_ = temp_.path() / "log";
  ManualClock clock_;
  std::unique_ptr<ChangeLog> log_ = OpenRocksLog(folder_, kSource, clock_);
  const std::shared_ptr<const TableSchema> items_ = ItemsTable();
  CutWriter::Users users_;
  std::vector<int64_t> own_;
};

// Fails when a change gets its stamp as its clock. Nobody says when the row was deleted: the least
// that can be is taken, so that no update is beaten that was made meanwhile elsewhere.
TEST_F(LineageTest, AChangeIsAboveTheStateThatItWasMadeOn) {
  Poll({Item(1, "a", 100)});
  Poll({Item(1, "b", 50)});  // a long transaction
  Poll({}, {1});
  Poll({Item(1, "c", 2'000)});
  const std::vector<Change> changes = Changes();
  ASSERT_EQ(changes.size(), 4);
  const RowClock first{100, kHere}, second{101, kHere}, gone{102, kHere}, last{2'000, kHere};
  EXPECT_EQ(changes[0].lineage, (Lineage{.clock = first}));
  EXPECT_EQ(changes[1].lineage, (Lineage{.clock = second, .before = first}));
  EXPECT_EQ(changes[2].lineage, (Lineage{.clock = gone, .before = second}));
  EXPECT_EQ(changes[3].lineage, (Lineage{.clock = last, .before = gone}));
}

// Fails when all rows are told: the stamp of another database's row says nothing about what this
// one has yet to commit.
TEST_F(LineageTest, WhatWasAppliedIsNoUsersAndIsDroppedAsItIs) {
  log_->Append(Applied(1, "theirs", {5'000, kThere}));
  Poll({Item(1, "theirs", 5'000), Item(2, "ours", 10)});
  EXPECT_EQ(own_, std::vector<int64_t>{10});
  EXPECT_EQ(Changes().size(), 2);
  Poll({Item(1, "changed", 20)});
  EXPECT_EQ(own_, (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(Changes().back().lineage,
            (Lineage{.clock = {5'001, kHere}, .before = RowClock{5'000, kThere}}));
}

TEST_F(LineageTest, ALogFromOneDirectionIsRefused) {
  {
    CutWriter writer(*log_);
    writer.Add(items_, Item(1, "a", 1));
    writer.Close("cursor");
  }
  const Error error = ErrorOf([&] { Poll({Item(1, "b", 2)}); });
  EXPECT_EQ(error.cause(), Cause::kUsage);
}

// Fails when the base, or the index made from it, leaves the clock out, and when deletions are
// dropped that nobody waits for.
TEST_F(LineageTest, ClocksOutliveFoldingAndALostIndex) {
  Poll({Item(1, "a", 100), Item(2, "b", 100)});
  Poll({}, {2});
  const std::optional<IndexEntry> row = Known(1), gone = Known(2);
  ASSERT_TRUE(row->clock && gone->clock && gone->deleted);
  clock_.Advance(std::chrono::hours(2));
  Poll({Item(3, "c", 100)});
  log_->NewRetention({.keep_for = std::chrono::hours(1), .keep_deletions = true})->Run({});
  ASSERT_GT(log_->NewReader()->begin(), Offset(0));
  log_.reset();
  LoseIndex();
  log_ = OpenRocksLog(folder_, kSource, clock_);
  EXPECT_EQ(Known(1)->clock, row->clock);
  ASSERT_TRUE(Known(2));
  EXPECT_EQ(Known(2)->clock, gone->clock);
  EXPECT_TRUE(Known(2)->deleted);
}

// Fails when Prepare does not write, or when a frame of another kind is taken for what it waits
// for.
TEST_F(LineageTest, APreparedFrameWaitsUntilItIsSaidToHaveHappened) {
  Poll({Item(1, "a", 100)});
  EXPECT_FALSE(log_->prepared());
  const FrameDraft draft = Applied(1, "b", {200, kThere});
  log_->Prepare(draft, "pipeline", "token");
  EXPECT_EQ(Changes().size(), 1);
  EXPECT_EQ(Known(1)->clock, (RowClock{100, kHere}));
  Poll({Item(3, "another", 100)});
  Reopen();
  EXPECT_EQ(log_->prepared(), "token");
  EXPECT_FALSE(log_->applied("pipeline"));
  log_->AppendPrepared();
  EXPECT_FALSE(log_->prepared());
  Reopen();
  EXPECT_FALSE(log_->prepared());
  EXPECT_EQ(log_->applied("pipeline"), "token");
  EXPECT_EQ(log_->cursor(), "cursor");
  EXPECT_EQ(Changes().back(), draft.changes.back());
  EXPECT_EQ(Known(1)->clock, (RowClock{200, kThere}));

  log_->Prepare(Applied(2, "c", {300, kThere}), "pipeline", "other");
  log_->DropPrepared();
  Reopen();
  EXPECT_FALSE(log_->prepared());
  EXPECT_FALSE(Known(2));
  EXPECT_EQ(log_->all_applied(), (std::map<std::string, std::string>{{"pipeline", "token"}}));
  log_->NoteApplied("pipeline", "");
  EXPECT_FALSE(log_->applied("pipeline"));
}

}  // namespace
}  // namespace syncline
