// What a log keeps of databases that are written to from others: row clocks, and frames that are
// prepared before what they tell of has happened.
#include <gtest/gtest.h>

#include "engine/log/cut_writer.h"
#include "tests/conformance/log_suite.h"

namespace syncline {
namespace {

constexpr NodeId kHere = 7, kThere = 9;

class TwoWayLogTest : public LogConformance {
 protected:
  TwoWayLogTest() {
    users_.node = kHere;
    users_.now = 1'000;
    users_.accept = [](const TableSchema&, int64_t stamp) { return stamp; };
    users_.own = [this](const TableSchema&, const Value& version) {
      own_.push_back(version.view().as_int());
    };
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

  std::optional<IndexEntry> Known(int64_t id) {
    return log_->Lookup(items_->table, {ItemKey(id)}).front();
  }

  const std::shared_ptr<const TableSchema> items_ = ItemsTable();
  CutWriter::Users users_;
  std::vector<int64_t> own_;
};

INSTANTIATE_TEST_SUITE_P(, TwoWayLogTest, testing::ValuesIn(LogKinds()), NameOfKind);

// Fails when a change gets its stamp as its clock. Nobody says when the row was deleted: the least
// that can be is taken, so that no update is beaten that was made meanwhile elsewhere.
TEST_P(TwoWayLogTest, AChangeIsAboveTheStateThatItWasMadeOn) {
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
TEST_P(TwoWayLogTest, WhatWasAppliedIsNoUsersAndIsDroppedAsItIs) {
  log_->Append(Applied(1, "theirs", {5'000, kThere}));
  Poll({Item(1, "theirs", 5'000), Item(2, "ours", 10)});
  EXPECT_EQ(own_, std::vector<int64_t>{10});
  EXPECT_EQ(Changes().size(), 2);
  Poll({Item(1, "changed", 20)});
  EXPECT_EQ(own_, (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(Changes().back().lineage,
            (Lineage{.clock = {5'001, kHere}, .before = RowClock{5'000, kThere}}));
}

TEST_P(TwoWayLogTest, ALogFromOneDirectionIsRefused) {
  {
    CutWriter writer(*log_);
    writer.Add(items_, Item(1, "a", 1));
    writer.Close("cursor");
  }
  const Error error = ErrorOf([&] { Poll({Item(1, "b", 2)}); });
  EXPECT_EQ(error.cause(), Cause::kUsage);
}

// Fails when Prepare does not write, or when a frame of another kind is taken for what it waits
// for.
TEST_P(TwoWayLogTest, APreparedFrameWaitsUntilItIsSaidToHaveHappened) {
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

// Fails when a second frame waits beside the first, or the first is appended in its place.
TEST_P(TwoWayLogTest, ALaterPreparedFrameTakesThePlaceOfTheOneBefore) {
  log_->Prepare(Applied(1, "first", {100, kThere}), "pipeline", "one");
  const FrameDraft second = Applied(2, "second", {200, kThere});
  log_->Prepare(second, "pipeline", "two");
  EXPECT_EQ(log_->prepared(), "two");
  const auto reader = log_->NewReader();
  log_->AppendPrepared();
  EXPECT_EQ(reader->Next()->changes, second.changes);
  EXPECT_FALSE(Known(1));
  EXPECT_EQ(log_->applied("pipeline"), "two");
  EXPECT_EQ(log_->next(), Offset(1));
}

}  // namespace
}  // namespace syncline
