// A target of two directions, a SQLite file, and a log of its own that the test plays.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apply/state/prepared.h"
#include "apply/state/progress.h"
#include "apply/state/replica_log.h"
#include "apply/target/sql_target.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

constexpr NodeId kHere = 7, kThere = 9;

Value Version(const std::string& text) { return Value(ValueView::Text(text)); }

Row KeyOf(int64_t id) { return test::MakeRow({ValueView::Int(id)}); }

// Knows what it is told to know, and keeps what is prepared.
class PlayedLog : public ReplicaLog {
 public:
  explicit PlayedLog(std::shared_ptr<const TableSchema> table) : table_(std::move(table)) {}

  std::unique_lock<std::mutex> Turn() override { return std::unique_lock(mutex_); }
  NodeId node() const override { return kHere; }
  std::shared_ptr<const TableSchema> Schema(const TableName&) override { return table_; }
  std::vector<std::optional<IndexEntry>> Known(const TableName&,
                                               const std::vector<Row>& keys) override {
    std::vector<std::optional<IndexEntry>> found;
    for (const Row& key : keys) {
      const auto entry = known_.find(key[0].as_int());
      found.push_back(entry == known_.end() ? std::nullopt : std::optional(entry->second));
    }
    return found;
  }
  void Capture(const TableName&, std::vector<Row> keys) override {
    for (const Row& key : keys) {
      captured_.push_back(key[0].as_int());
      if (const auto found = unseen_.extract(key[0].as_int()))
        known_.insert_or_assign(found.key(), found.mapped());
    }
  }
  void Prepare(FrameDraft draft, const std::string&, const std::string&) override {
    EXPECT_TRUE(prepared_.empty());
    prepared_ = std::move(draft.changes);
  }
  void Confirm() override { ++confirmed_; }
  void Note(const std::string&, const std::string&) override { ++noted_; }
  std::optional<std::string> Applied(const std::string&) override { return applied_; }

  std::optional<std::string> applied_;
  std::map<int64_t, IndexEntry> known_;
  std::map<int64_t, IndexEntry> unseen_;  // what is known as soon as it is captured
  std::vector<int64_t> captured_;
  std::vector<Change> prepared_;
  int confirmed_ = 0;
  int noted_ = 0;

 private:
  const std::shared_ptr<const TableSchema> table_;
  std::mutex mutex_;
};

class TwoWayTargetTest : public testing::Test {
 protected:
  TwoWayTargetTest() {
    sql::Session::Open(url_, {.create = true})
        ->Execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT)");
  }

  static Row Item(int64_t id, const std::string& name, const std::string& version) {
    return test::MakeRow({ValueView::Int(id), ValueView::Text(name), ValueView::Text(version)});
  }
  // A state that came from the other database, on top of the one with the clock `before`.
  RowChange Came(int64_t id, RowClock clock, std::optional<RowClock> before) {
    RowChange change{.key = KeyOf(id), .version = Version("new"), .offset = Offset(5)};
    OriginInfo step{.clock = clock};
    if (before) step.follows.push_back(*before);
    change.origin = std::make_shared<OriginInfo>(std::move(step));
    return change;
  }
  // Applies one upsert or deletion of row 1; what the database's own log is told.
  std::vector<Change> Apply(bool deletion, RowClock clock, std::optional<RowClock> before) {
    TableChanges changes{.schema = table_};
    RowChange change = Came(1, clock, before);
    if (deletion) {
      changes.deletes.push_back(std::move(change));
    } else {
      change.row = Item(1, "theirs", "new");
      changes.upserts.push_back(std::move(change));
    }
    SqlTarget target(url_, {{.source = table_->table, .target = table_->table}}, "there", {},
                     test::QuietLogger(), {.log = &log_});
    target.Open();
    Progress to{.pipeline = "p", .log_id = other_.id.ToString(), .epoch = 1, .next = Offset(6)};
    target.Apply({.name = "offset 5", .tables = {changes}}, std::nullopt, to);
    return log_.prepared_;
  }
  // The row as the database has it, and its own log knows it.
  void Have(int64_t id, const std::string& name, const std::string& version, RowClock clock) {
    const Row row = Item(id, name, version);
    const auto session = sql::Session::Open(url_);
    session->Change("INSERT INTO items VALUES (CAST($1 AS INTEGER), $2, $3)",
                    {std::to_string(id), name, version});
    log_.known_[id] = {
        .fingerprint = row.fingerprint(), .version = Version(version), .clock = clock};
  }

  const std::shared_ptr<const TableSchema> table_ = [] {
    auto table = std::make_shared<TableSchema>();
    table->dialect = Dialect::kSqlite;
    table->table = {"", "items"};
    table->columns = {{"id", Type::kInt, "INTEGER", false},
                      {"name", Type::kText, "TEXT", true},
                      {"updated_at", Type::kText, "TEXT", true}};
    table->key = {0};
    table->cursor = 2;
    return table;
  }();
  test::TempFolder folder_;
  const sql::DatabaseUrl url_ =
      sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "target.db").string());
  PlayedLog log_{table_};
  const LogInfo other_{.id = LogId::Random()};  // of the other database
};

TEST_F(TwoWayTargetTest, ARowThatNobodyHasHadHasNoPredecessor) {
  const std::vector<Change> told = Apply(/*deletion=*/false, {200, kThere}, {});
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].row, Item(1, "theirs", "new"));
  EXPECT_FALSE(told[0].previous);
  EXPECT_EQ(told[0].lineage, (Lineage{.clock = {200, kThere}, .via = NodeIdOf("there")}));
  EXPECT_EQ(log_.confirmed_, 1);
  EXPECT_EQ(log_.noted_, 0);
}

TEST_F(TwoWayTargetTest, AChangedRowFollowsTheStateThatTheLogKnows) {
  const RowClock old{100, kHere}, clock{200, kThere};
  Have(1, "ours", "old", old);
  const std::vector<Change> told = Apply(/*deletion=*/false, clock, old);
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].previous, Version("old"));
  EXPECT_EQ(told[0].lineage, (Lineage{.clock = clock, .before = old, .via = NodeIdOf("there")}));
  EXPECT_TRUE(log_.captured_.empty());
}

// The log knows of the deletion, and by that of its clock; of the row there was no state that this
// one follows. Seen to fail when the version of what was deleted counts as one: wherever that frame
// is applied a row that is not there is missed, which is a conflict.
TEST_F(TwoWayTargetTest, ARowThatIsBornAgainHasNoPredecessor) {
  const RowClock gone{100, kHere}, clock{200, kThere};
  log_.known_[1] = {.version = Version("old"), .deleted = true, .clock = gone};
  const std::vector<Change> told = Apply(/*deletion=*/false, clock, gone);
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].op, Op::kUpsert);
  EXPECT_FALSE(told[0].previous);
  EXPECT_EQ(told[0].lineage, (Lineage{.clock = clock, .before = gone, .via = NodeIdOf("there")}));
}

TEST_F(TwoWayTargetTest, ADeletionHasTheVersionOfTheStateThatItEnds) {
  const RowClock old{100, kHere}, clock{200, kThere};
  Have(1, "ours", "old", old);
  const std::vector<Change> told = Apply(/*deletion=*/true, clock, old);
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].op, Op::kDelete);
  EXPECT_EQ(told[0].row, KeyOf(1));
  EXPECT_EQ(told[0].version, Version("old"));
  EXPECT_EQ(told[0].previous, Version("old"));
}

// Nothing is written, but the log learns the clock. Fails when such a row counts as one that is not
// there.
TEST_F(TwoWayTargetTest, ARowThatIsTheSameHereTakesOverTheClock) {
  const RowClock old{100, kHere}, clock{200, kThere};
  Have(1, "theirs", "new", old);
  const std::vector<Change> told = Apply(/*deletion=*/false, clock, {});
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].op, Op::kUpsert);
  EXPECT_EQ(told[0].row, Item(1, "theirs", "new"));
  EXPECT_EQ(told[0].lineage, (Lineage{.clock = clock, .before = old, .via = NodeIdOf("there")}));
}

// Fails when every row that had to be captured first is taken for one that cannot be.
TEST_F(TwoWayTargetTest, AStateThatTheLogHasYetToSeeIsCapturedFirst) {
  const RowClock ours{100, kHere}, theirs{200, kThere};
  Have(1, "ours", "old", ours);
  log_.unseen_ = std::exchange(log_.known_, {});
  const std::vector<Change> told = Apply(/*deletion=*/false, theirs, {});
  EXPECT_EQ(log_.captured_, std::vector<int64_t>{1});
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].row, Item(1, "theirs", "new"));
  EXPECT_EQ(told[0].lineage, (Lineage{.clock = theirs, .before = ours, .via = NodeIdOf("there")}));
}

// Fails when such a row is asked for again and again, or overwritten.
TEST_F(TwoWayTargetTest, AStateWithoutAVersionCannotBeCaptured) {
  sql::Session::Open(url_)->Execute("INSERT INTO items VALUES (1, 'ours', NULL)");
  try {
    Apply(/*deletion=*/false, {200, kThere}, {});
    FAIL() << "overwritten";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("NULL in its cursor column"), std::string::npos)
        << error.message();
  }
  EXPECT_EQ(log_.captured_, std::vector<int64_t>{1});
}

// Seen to fail when a lower clock wins, and when what changes nothing is told all the same.
TEST_F(TwoWayTargetTest, AnOlderStateChangesNothingAndIsNoted) {
  const RowClock ours{300, kHere};
  Have(1, "ours", "old", ours);
  EXPECT_TRUE(Apply(/*deletion=*/false, {200, kThere}, {}).empty());
  EXPECT_EQ(log_.confirmed_, 0);
  EXPECT_EQ(log_.noted_, 1);
  const auto session = sql::Session::Open(url_);
  EXPECT_EQ(session->Query("SELECT name FROM items").rows.at(0).at(0), "ours");
}

// Fails when a target that does not fit is left as it is, or one that does begins anew.
TEST_F(TwoWayTargetTest, AProgressThatOneOfTheTwoLogsDoesNotKnowIsGivenUp) {
  Apply(/*deletion=*/false, {200, kThere}, {});
  const auto session = sql::Session::Open(url_);
  const auto fit = [&](const LogInfo& log) {
    FitToLogs(*session, "p", log, log_, *test::QuietLogger());
    return ReadProgress(*session, "p").has_value();
  };
  log_.applied_ = "up to here";
  EXPECT_TRUE(fit(other_));
  EXPECT_EQ(log_.noted_, 0);
  log_.applied_.reset();
  EXPECT_FALSE(fit(other_)) << "this database's own log was made anew";
  EXPECT_EQ(log_.noted_, 1);
  log_.prepared_.clear();
  log_.known_[1] = {.fingerprint = Item(1, "theirs", "new").fingerprint(),
                    .version = Version("new"),
                    .clock = RowClock{200, kThere}};
  Apply(/*deletion=*/false, {300, kThere}, RowClock{200, kThere});
  log_.applied_ = "up to here";
  EXPECT_FALSE(fit({.id = LogId::Random()})) << "the other one's";
}

}  // namespace
}  // namespace syncline::apply
