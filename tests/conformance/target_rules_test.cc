// Which row wins, and that it does not depend on how often or in which batches the log is applied.

#include <random>

#include "apply/write/table_writer.h"
#include "engine/model/value_text.h"
#include "tests/conformance/history.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::History;
using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::Stamp;
using Rows = std::vector<std::string>;

class TargetRules : public TargetConformance {
 protected:
  // How many of the items have this name.
  std::string CountNamed(const std::string& name) {
    return target_.Value("SELECT count(*) FROM items WHERE name = '" + name + "'");
  }
  void LogDeletions(int count, int64_t stamp) {
    log_.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) {
        writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(id)}), Value(Stamp(stamp)));
      }
    });
  }
  // Somebody on the target changes item 1.
  void LocalChange(const std::string& name, int64_t stamp) {
    target_.Execute("UPDATE items SET name = '" + name + "', updated_at = '" +
                    ToText(Stamp(stamp)) + "' WHERE id = 1");
  }
  TableMapping Mapping(ConflictRule rule) const {
    TableMapping mapping = ItemsMapping();
    mapping.conflict = rule;
    return mapping;
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetRules, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// Fails when the rule compares stamps only: within a source the log's order is the truth (design:
// order).
TEST_P(TargetRules, AStateThatFollowsTheTargetsIsAppliedEvenIfItsStampIsOlder) {
  for (const int count : {kFew, kMany}) {
    LogItems(count, "first", 20);
    Apply();
    LogItems(count, "backwards", 10);
    EXPECT_EQ(Apply().rows_written, static_cast<uint64_t>(count));
    EXPECT_EQ(CountNamed("backwards"), std::to_string(count));
    LogItems(count, "same stamp", 10);
    EXPECT_EQ(Apply().rows_written, static_cast<uint64_t>(count));
    EXPECT_EQ(CountNamed("same stamp"), std::to_string(count));
  }
}

TEST_P(TargetRules, ANewerRowOnTheTargetIsKeptAndCounted) {
  for (const int count : {kFew, kMany}) {
    LogItems(count, "one" + std::to_string(count), 10 + count);
    Apply();
    LocalChange("local", 10'000);
    LogItems(count, "two" + std::to_string(count), 20 + count);
    const Result result = Apply();
    EXPECT_EQ(result.rows_newer, 1u);
    EXPECT_EQ(result.rows_written, static_cast<uint64_t>(count) - 1);
    EXPECT_EQ(Items().front(), "1|local");
    LocalChange("two" + std::to_string(count), 20 + count);
  }
}

TEST_P(TargetRules, AnOlderRowOnTheTargetGivesWay) {
  LogItems(kFew, "one", 10);
  Apply();
  LocalChange("local", 15);
  LogItems(kFew, "two", 20);
  EXPECT_EQ(Apply().rows_newer, 0u);
  EXPECT_EQ(CountNamed("two"), "3");
}

TEST_P(TargetRules, SourceWinsOverwritesWhateverIsThere) {
  for (const int count : {kFew, kMany}) {
    LogItems(count, "one", 10);
    Apply({Mapping(ConflictRule::kSourceWins)});
    LocalChange("local", 10'000);
    LogItems(count, "two", 20);
    Apply({Mapping(ConflictRule::kSourceWins)});
    EXPECT_EQ(CountNamed("two"), std::to_string(count));
  }
}

TEST_P(TargetRules, TargetWinsKeepsEveryLocalChange) {
  for (const int count : {kFew, kMany}) {
    LogItems(count, "one" + std::to_string(count), 10);
    Apply({Mapping(ConflictRule::kTargetWins)});
    LocalChange("local", 5);  // even an older one
    LogItems(count, "two", 20);
    const Result result = Apply({Mapping(ConflictRule::kTargetWins)});
    EXPECT_EQ(result.rows_written, static_cast<uint64_t>(count) - 1);
    EXPECT_EQ(Items().front(), "1|local");
    target_.Execute("DELETE FROM items");
    LogDeletions(count, 30);
    Apply({Mapping(ConflictRule::kTargetWins)});
  }
}

TEST_P(TargetRules, DeletionsTakeWhatTheyKnowAndLeaveWhatIsNewer) {
  for (const int count : {kFew, kMany}) {
    LogItems(count, "one", 10);
    Apply();
    LocalChange("local", 10'000);
    LogDeletions(count, 8);  // older than the state that it deletes
    const Result result = Apply();
    EXPECT_EQ(result.rows_written, static_cast<uint64_t>(count) - 1);
    EXPECT_EQ(result.rows_newer, 1u);
    EXPECT_EQ(Items(), Rows{"1|local"});
    target_.Execute("DELETE FROM items");
    RewindTo(0);
    EXPECT_NO_THROW(Apply());  // deleting a missing row is nothing
    EXPECT_EQ(Items(), Rows{});
  }
}

// Fails when a previous version is compared with more digits than the target's column keeps: both
// changes then seem to be none, and are lost without a word.
TEST_P(TargetRules, ATargetThatRoundsTheCursorStillFollows) {
  if (!postgres()) GTEST_SKIP() << "SQLite rounds nothing";
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz(0))");
  const auto log = [&](int count, const std::string& name, int64_t us) {
    std::vector<Row> rows;
    for (int id = 1; id <= count; ++id) {
      rows.push_back(
          MakeRow({ValueView::Int(id), ValueView::Text(name), ValueView::TimestampTz(us)}));
    }
    Log(rows);
  };
  for (const int count : {kFew, kMany}) {
    const std::string number = std::to_string(count);
    int64_t us = count * int64_t{1'000'000};
    for (const char* name : {"one", "two", "three"}) {
      log(count, name + number, us += 600'000 / 5);
      Apply();
      EXPECT_EQ(CountNamed(name + number), number);
    }
    log_.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) {
        writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(id)}),
                           Value(ValueView::TimestampTz(us - 200'000)));
      }
    });
    Apply();
    EXPECT_EQ(Items(), Rows{});
  }
}

TEST_P(TargetRules, DecimalVersionsOrderByValue) {
  const auto schema = test::MakeSchema("public.items", {{"id", Type::kInt, "bigint", false},
                                                        {"name", Type::kText, "text", true},
                                                        {"v", Type::kDecimal, "numeric", false}});
  const auto log = [&](const std::string& name, const std::string& version) {
    log_.Cut([&](CutWriter& writer) {
      writer.Add(schema,
                 MakeRow({ValueView::Int(1), ValueView::Text(name), ValueView::Decimal(version)}));
    });
  };
  log("nine", "9");
  Apply();
  target_.Execute(
      "UPDATE items SET v = '8', name = 'local'");  // so that `previous` does not decide
  log("ten", "10");
  EXPECT_EQ(Apply().rows_written, 1u);
  EXPECT_EQ(Items(), Rows{"1|ten"});
  target_.Execute("UPDATE items SET v = '11', name = 'local'");
  log("nine and a half", "9.5");
  EXPECT_EQ(Apply().rows_newer, 1u);
  EXPECT_EQ(Items(), Rows{"1|local"});
}

// However the log is cut into batches, and from wherever it is applied again, the target ends as
// the log says (invariant 5). Fails when Collapse keeps the last `previous` instead of the first,
// when equal versions count as newer, and when the staged statement does without its previous
// versions.
TEST_P(TargetRules, FromAnyEarlierOffsetInAnyBatchesTheSameStateIsReached) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  History history(seed);
  for (int round = 0; round < 12; ++round) {
    const auto applied = static_cast<int>(log_.end().value());
    history.Extend(log_, history.Pick(1, 700));
    if (round > 0 && history.Pick(0, 2) > 0) {
      RewindTo(static_cast<uint64_t>(history.Pick(0, applied)));
    }
    ApplyOptions options = Once();
    options.batch_changes =
        static_cast<uint64_t>(history.Pick(0, 1) == 0 ? history.Pick(20, 300) : 10'000);
    // The conflict rule does not matter where nobody else writes.
    const auto rule = static_cast<ConflictRule>(history.Pick(0, 2));
    EXPECT_EQ(Apply({Mapping(rule)}, options).next, log_.end().value());
    ASSERT_EQ(Items(), history.Expected()) << "round " << round;
  }
}

}  // namespace
}  // namespace syncline::apply
