// What is kept of a conflict, and how it is resolved.

#include "apply/state/conflict_table.h"
#include "apply/target/sql_target.h"
#include "apply/write/table_writer.h"
#include "engine/model/value_text.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::Stamp;
using Rows = std::vector<std::string>;

class TargetConflicts : public TargetConformance {
 protected:
  void LocalChange(const std::string& name, int64_t stamp) {
    target_.Execute("UPDATE items SET name = '" + name + "', updated_at = '" +
                    ToText(Stamp(stamp)) + "' WHERE id = 1");
  }
  void LogDeletion(int64_t stamp) {
    log_.Cut([&](CutWriter& writer) {
      writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(1)}), Value(Stamp(stamp)));
    });
  }
  TableMapping Mapping(ConflictRule rule) const {
    TableMapping mapping = ItemsMapping();
    mapping.conflict = rule;
    return mapping;
  }
  // "type|winner|name in the source's row|name in the target's", first one first; then none is
  // left.
  Rows TakeConflicts() {
    Rows rows = target_.Rows(
        "SELECT conflict_type, winner, source_row->>'name', target_row->>'name' FROM "
        "syncline_conflicts ORDER BY id");
    target_.Execute("DELETE FROM syncline_conflicts");
    return rows;
  }
  uint64_t LastId() { return std::stoull(target_.Value("SELECT max(id) FROM syncline_conflicts")); }
  std::string Resolve(Keep keep, bool force = false) {
    target_.Disconnect();
    return ResolveConflict(target_.url(), LastId(), keep, force);
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetConflicts, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// Fails when the statement that writes decides by stamps alone: what it overwrites is then gone.
TEST_P(TargetConflicts, OfAnUpdateThatMeetsAnotherStateBothAreKept) {
  for (const int count : {kFew, kMany}) {
    const std::string number = " " + std::to_string(count);
    const int64_t from = count * 100;
    LogItems(count, "one" + number, from + 10);
    Apply();
    TakeConflicts();
    LocalChange("older" + number, from + 15);
    LogItems(count, "two" + number, from + 20);
    EXPECT_EQ(Apply().conflicts, 1u);
    EXPECT_EQ(Items().front(), "1|two" + number);
    LocalChange("newer" + number, from + 40);
    LogItems(count, "three" + number, from + 30);
    EXPECT_EQ(Apply().conflicts, 1u);
    EXPECT_EQ(Items().front(), "1|newer" + number);
    EXPECT_EQ(TakeConflicts(),
              (Rows{"update_differing|source|two" + number + "|older" + number,
                    "update_differing|target|three" + number + "|newer" + number}));
    LogItems(count, "four" + number, from + 50);
    Apply();  // one more: the target's row is not what the log's row was
    EXPECT_EQ(TakeConflicts().size(), 1u);
  }
}

TEST_P(TargetConflicts, ANewRowThatIsThereAlready) {
  for (const int count : {kFew, kMany}) {
    target_.Execute("DROP TABLE IF EXISTS items");
    target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at " +
                    std::string(postgres() ? "timestamptz" : "TIMESTAMPTZ") + ")");
    target_.Execute("INSERT INTO items VALUES (1, 'local', '" + ToText(Stamp(5)) + "')");
    target_.Execute("DROP TABLE IF EXISTS syncline_progress");
    test::TestLog log(clock_);
    log.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) writer.Add(ItemsSchema(), Item(id, "new", 10));
    });
    const auto reader = log.NewReader();
    target_.Disconnect();
    ApplyStage stage(SqlTargetAt(target_.url(), {ItemsMapping()}), Once(), *reader, clock_,
                     test::QuietLogger());
    stage.Run({});
    EXPECT_EQ(stage.stats().rows_written, static_cast<uint64_t>(count));
    EXPECT_EQ(TakeConflicts(), Rows{"insert_exists|source|new|local"});
    EXPECT_EQ(Items().front(), "1|new");
  }
}

// Rows that somebody has put there before, such as by a dump, are no conflicts.
TEST_P(TargetConflicts, ATargetThatIsFilledWithTheSameRowsHasNone) {
  LogItems(kMany, "one", 10);
  Apply();
  target_.Execute("DELETE FROM syncline_progress");
  const Result again = Apply();
  EXPECT_EQ(again.rows_written, 0u);
  EXPECT_EQ(again.conflicts, 0u);
}

TEST_P(TargetConflicts, ARowThatIsMissingIsInsertedAndTold) {
  LogItems(kFew, "one", 10);
  Apply();
  target_.Execute("DELETE FROM items WHERE id = 1");
  LogItems(kFew, "two", 20);
  EXPECT_EQ(Apply().conflicts, 1u);
  EXPECT_EQ(Items().front(), "1|two");
  EXPECT_EQ(TakeConflicts(), Rows{"update_missing|source|two|-"});
}

TEST_P(TargetConflicts, ADeletionThatMeetsAnotherState) {
  LogItems(1, "one", 10);
  Apply();
  LocalChange("newer", 40);
  LogDeletion(20);
  Apply();
  EXPECT_EQ(Items(), Rows{"1|newer"});
  EXPECT_EQ(TakeConflicts(), Rows{"delete_recently_updated|target|-|newer"});
}

TEST_P(TargetConflicts, TheRuleIsKeptWithThem) {
  for (const ConflictRule rule : {ConflictRule::kSourceWins, ConflictRule::kTargetWins}) {
    LogItems(1, "one", 10);
    Apply({Mapping(ConflictRule::kSourceWins)});
    LocalChange("local", 40);
    LogItems(1, "two", 20);
    target_.Execute("DELETE FROM syncline_conflicts");
    Apply({Mapping(rule)});
    EXPECT_EQ(target_.Rows("SELECT rule, winner FROM syncline_conflicts"),
              (rule == ConflictRule::kSourceWins ? Rows{"source_wins|source"}
                                                 : Rows{"target_wins|target"}));
  }
}

// Fails when the progress row does not remember how far it was.
TEST_P(TargetConflicts, ATargetThatWasSetBackMeetsItsOwnHistoryWithoutConflict) {
  for (int step = 0; step < 5; ++step) {
    LogItems(kMany, "state " + std::to_string(step), 10 + step % 3);
    Apply();
  }
  RewindTo(0);
  ApplyOptions small = Once();
  small.batch_changes = 2 * kMany;
  EXPECT_EQ(Apply({ItemsMapping()}, small).conflicts, 0u);
  EXPECT_EQ(Items().front(), "1|state 4");
}

// Fails when a tie goes to whoever is asked.
TEST_P(TargetConflicts, OfTwoStatesWithOneStampTheOriginDecides) {
  LogItems(kFew, "one", 10);
  Apply();
  LocalChange("local", 20);
  LogItems(kFew, "two", 20);
  Apply();
  const bool source = log_.log().info().source > target_.session().Identity();
  EXPECT_EQ(Items().front(), source ? "1|two" : "1|local");
  EXPECT_EQ(TakeConflicts(),
            Rows{std::string("update_differing|") + (source ? "source" : "target") + "|two|local"});
}

// The base's second batch is refused, so that the next start begins the base again. Fails when what
// its first batch has met is recorded a second time, and when another state of the target's row is
// taken for the one that is recorded.
TEST_P(TargetConflicts, ABaseThatIsInterruptedRecordsWhatItMeetsOnce) {
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at " +
                  std::string(postgres() ? "timestamptz" : "TIMESTAMPTZ") + ")");
  target_.Execute("INSERT INTO items VALUES (1, 'local', '" + ToText(Stamp(10'000)) + "')");
  target_.Execute(postgres() ? "ALTER TABLE items ADD CONSTRAINT good CHECK (id < 7)"
                             : "CREATE TRIGGER good BEFORE INSERT ON items WHEN new.id >= 7 BEGIN "
                               "SELECT RAISE(ABORT, 'bad'); END");
  LogItems(8, "one", 10);
  log_.Fold();
  ApplyOptions options = Once();
  options.batch_changes = 4;
  Refusal({ItemsMapping()}, options);
  target_.Execute("DROP INDEX syncline_conflicts_change");  // as tables of old have none
  Refusal({ItemsMapping()}, options);
  const Rows met = {"insert_exists|target|one|local"};
  EXPECT_EQ(target_.Rows("SELECT conflict_type, winner, source_row->>'name', target_row->>'name' "
                         "FROM syncline_conflicts"),
            met);
  LocalChange("local again", 10'001);
  target_.Execute(postgres() ? "ALTER TABLE items DROP CONSTRAINT good" : "DROP TRIGGER good");
  Apply({ItemsMapping()}, options);
  EXPECT_EQ(TakeConflicts(), (Rows{met[0], "insert_exists|target|one|local again"}));
  target_.Execute("DROP INDEX syncline_conflicts_change");  // there it is
}

// Fails when a change that came in the place of a lost one, at its offset, is taken for that one.
TEST_P(TargetConflicts, AConflictAtAnOffsetThatWasCutAwayIsAnotherOne) {
  LogItems(1, "one", 10);
  Apply();
  LocalChange("local", 10'000);
  LogItems(1, "lost", 20);
  Apply();
  RewindTo(1);
  log_.CutAt(Offset(1));
  LogItems(1, "in its place", 30);
  Apply();
  EXPECT_EQ(TakeConflicts(), (Rows{"update_differing|target|lost|local",
                                   "update_differing|target|in its place|local"}));
}

TEST_P(TargetConflicts, WhatLostCanBeBroughtBack) {
  LogItems(1, "one", 10);
  Apply();
  LocalChange("newer", 40);
  LogItems(1, "two", 20);
  Apply();
  EXPECT_NE(Resolve(Keep::kSource).find("the source's state of offset 1"), std::string::npos);
  EXPECT_EQ(target_.Rows("SELECT id, name, updated_at FROM items"),
            Rows{"1|two|" + std::string(postgres() ? "2000-01-01 00:00:20+00"
                                                   : "2000-01-01 00:00:20.000000+00")});
  EXPECT_EQ(target_.Value("SELECT resolution FROM syncline_conflicts"), "source kept");
  EXPECT_THROW(Resolve(Keep::kTarget), Error);  // once is enough
}

TEST_P(TargetConflicts, ADeletedRowComesBackAndAKeptOneGoes) {
  LogItems(1, "one", 10);
  Apply();
  LocalChange("newer", 40);
  LogDeletion(20);
  Apply();
  Resolve(Keep::kSource);
  EXPECT_EQ(Items(), Rows{});
  LogItems(1, "again", 50);
  Apply();
  LocalChange("older", 45);
  LogDeletion(60);
  Apply();
  EXPECT_EQ(Items(), Rows{});
  Resolve(Keep::kTarget);
  EXPECT_EQ(Items(), Rows{"1|older"});
}

// Fails when the row is overwritten as it was found some time ago.
TEST_P(TargetConflicts, ARowThatHasChangedSinceIsNotOverwrittenUnasked) {
  LogItems(1, "one", 10);
  Apply();
  LocalChange("newer", 40);
  LogItems(1, "two", 20);
  Apply();
  LocalChange("newest", 50);
  EXPECT_THROW(Resolve(Keep::kSource), Error);
  EXPECT_EQ(Items(), Rows{"1|newest"});
  Resolve(Keep::kSource, /*force=*/true);
  EXPECT_EQ(Items(), Rows{"1|two"});
}

}  // namespace
}  // namespace syncline::apply
