// What becomes of rows on the target that are gone at the source: on_delete.

#include <random>

#include "apply/write/table_writer.h"
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

class TargetDeletes : public TargetConformance {
 protected:
  TableMapping Mapping(OnDelete on_delete) const {
    TableMapping mapping = ItemsMapping();
    mapping.on_delete = on_delete;
    if (on_delete == OnDelete::kFlag) mapping.flag = "gone";
    return mapping;
  }
  TableMapping Flag() const { return Mapping(OnDelete::kFlag); }

  void LogDeletions(int count, int64_t stamp) {
    log_.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) {
        writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(id)}), Value(Stamp(stamp)));
      }
    });
  }
  std::string Count(const std::string& condition) {
    return target_.Value("SELECT count(*) FROM items WHERE " + condition);
  }
  // Of the rows that do not count as deleted.
  Rows Live() { return target_.Rows("SELECT id, name FROM items WHERE gone IS NULL ORDER BY id"); }
};

INSTANTIATE_TEST_SUITE_P(, TargetDeletes, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// Seen to fail when a row that comes back names the deletion as the state before: each is a
// conflict then, for the target has lost an update.
TEST_P(TargetDeletes, ARowThatComesBackIsAnInsertionLikeAnyOther) {
  for (const OnDelete on_delete : {OnDelete::kDelete, OnDelete::kFlag}) {
    for (const int count : {kFew, kMany}) {
      LogItems(count, "one", 10);
      Apply({Mapping(on_delete)});
      LogDeletions(count, 20);
      Apply({Mapping(on_delete)});
      LogItems(count, "back", 30);
      const Result result = Apply({Mapping(on_delete)});
      EXPECT_EQ(result.rows_written, static_cast<uint64_t>(count));
      EXPECT_EQ(result.conflicts, 0u);
      EXPECT_EQ(Count("name = 'back'"), std::to_string(count));
      LogDeletions(count, 40);
      Apply({Mapping(on_delete)});
    }
  }
}

TEST_P(TargetDeletes, AFlaggedRowStaysUntilItComesBack) {
  for (const int count : {kFew, kMany}) {
    LogItems(count, "one", 10);
    Apply({Flag()});
    EXPECT_EQ(Count("gone IS NULL"), std::to_string(count));
    LogDeletions(count, 20);
    EXPECT_EQ(Apply({Flag()}).rows_written, static_cast<uint64_t>(count));
    EXPECT_EQ(Count("gone IS NOT NULL AND name = 'one'"), std::to_string(count));
    // When it was deleted, by the source.
    EXPECT_EQ(target_.Value("SELECT gone = '2000-01-01 00:00:20.000000+00' FROM items LIMIT 1"),
              postgres() ? "t" : "1");
    LogDeletions(count, 25);  // the log knows
    LogItems(count, "two", 30);
    Apply({Flag()});
    EXPECT_EQ(Count("gone IS NULL AND name = 'two'"), std::to_string(count));
    LogDeletions(count, 35);
    Apply({Flag()});
  }
  EXPECT_EQ(target_.Value("SELECT count(*) FROM syncline_conflicts"), "0");
}

TEST_P(TargetDeletes, TheFlagMayBeATruthValueThatIsThere) {
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at " +
                  std::string(postgres() ? "timestamptz" : "TIMESTAMPTZ") +
                  ", gone boolean NOT NULL DEFAULT FALSE)");
  for (const int count : {kFew, kMany}) {
    LogItems(count, "one", 10);
    Apply({Flag()});
    LogDeletions(count, 20);
    Apply({Flag()});
    EXPECT_EQ(Count("gone"), std::to_string(count));
    LogItems(count, "two", 30);
    Apply({Flag()});
    EXPECT_EQ(Count("NOT gone AND name = 'two'"), std::to_string(count));
    LogDeletions(count, 40);
    Apply({Flag()});
  }
}

TEST_P(TargetDeletes, AFlagThatIsMissingIsAddedOrAskedFor) {
  LogItems(2, "one", 10);
  Apply();
  LogDeletions(1, 20);
  TableMapping mapping = Flag();
  mapping.create = false;
  const auto refusal = Refusal({mapping});
  EXPECT_NE(refusal->hint().find("ADD COLUMN \"gone\""), std::string::npos) << refusal->hint();
  Apply({Flag()});
  EXPECT_EQ(Live(), Rows{"2|one"});
}

TEST_P(TargetDeletes, AFlagThatCannotBeSetIsRefused) {
  LogItems(1, "one", 10);
  TableMapping mapping = Flag();
  mapping.flag = "name";
  EXPECT_NE(Refusal({mapping})->message().find("would become name"), std::string::npos);
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz, "
      "gone bytea)");
  EXPECT_NE(Refusal({Flag()})->message().find("cannot tell deleted rows"), std::string::npos);
}

// A user's newer state is kept, an older one is flagged, and both are told.
TEST_P(TargetDeletes, AFlagIsDecidedAboutLikeADeletion) {
  LogItems(2, "one", 10);
  Apply({Flag()});
  target_.Execute("UPDATE items SET name = 'local', updated_at = '2000-01-01 00:00:15.000000+00'");
  log_.Cut([&](CutWriter& writer) {
    writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(1)}), Value(Stamp(12)));
    writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(2)}), Value(Stamp(20)));
  });
  EXPECT_EQ(Apply({Flag()}).conflicts, 2u);
  EXPECT_EQ(Live(), Rows{"1|local"});
  EXPECT_EQ(Count("TRUE"), "2");
}

// Invariant 5 with rows that stay, and no conflict where nobody else writes. Seen to fail when an
// insertion does not take a flagged row for none, and when looks at rows do not.
TEST_P(TargetDeletes, FromAnyEarlierOffsetTheSameRowsAreFlagged) {
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
    TableMapping mapping = Flag();
    mapping.conflict = static_cast<ConflictRule>(history.Pick(0, 2));
    EXPECT_EQ(Apply({mapping}, options).next, log_.end().value());
    ASSERT_EQ(Live(), history.Expected()) << "round " << round;
  }
  EXPECT_EQ(target_.Value("SELECT count(*) FROM syncline_conflicts"), "0");
}

// Seen to fail when a batch makes one step of an insertion and its deletion: the row never comes.
TEST_P(TargetDeletes, IgnoredDeletionsLeaveEveryRow) {
  for (const int count : {kFew, kMany}) {
    LogItems(count, "one", 10 * count);
    LogDeletions(count, 10 * count + 1);
    Apply({Mapping(OnDelete::kIgnore)});
    EXPECT_EQ(Count("name = 'one'"), std::to_string(count));
    LogItems(count, "back", 10 * count + 2);
    Apply({Mapping(OnDelete::kIgnore)});
    EXPECT_EQ(Count("name = 'back'"), std::to_string(count));
    LogDeletions(count, 10 * count + 3);
    Apply({Mapping(OnDelete::kIgnore)});
    EXPECT_EQ(Count("name = 'back'"), std::to_string(count));
  }
  RewindTo(0);
  Apply({Mapping(OnDelete::kIgnore)});
  EXPECT_EQ(Count("name = 'back'"), std::to_string(kMany));
  EXPECT_EQ(target_.Value("SELECT count(*) FROM syncline_conflicts"), "0");
}

// What a user of the target has changed since is not overwritten by an older state.
TEST_P(TargetDeletes, IgnoredDeletionsDoNotMakeOlderStatesWin) {
  LogItems(kFew, "one", 10);
  Apply({Mapping(OnDelete::kIgnore)});
  target_.Execute(
      "UPDATE items SET name = 'local', updated_at = '2000-01-01 00:01:40.000000+00' "
      "WHERE id = 1");
  LogItems(kFew, "two", 20);
  EXPECT_EQ(Apply({Mapping(OnDelete::kIgnore)}).conflicts, 1u);
  EXPECT_EQ(Items(), (Rows{"1|local", "2|two", "3|two"}));
}

// The log's base knows of deleted rows that they are gone, and not what they were.
TEST_P(TargetDeletes, ATargetThatIsMadeFromTheBaseHasTheRowsThatAreThere) {
  LogItems(kMany, "one", 10);
  LogDeletions(kFew, 20);
  log_.Fold();
  Apply({Flag()});
  EXPECT_EQ(Count("gone IS NULL"), std::to_string(kMany - kFew));
  LogItems(kFew, "back", 30);
  Apply({Flag()});
  EXPECT_EQ(Count("gone IS NULL"), std::to_string(kMany));
}

}  // namespace
}  // namespace syncline::apply
