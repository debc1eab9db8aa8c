#include "tools/verify/row_repair.h"

#include <gtest/gtest.h>

#include "tests/apply/test_log.h"

namespace syncline::cli {
namespace {

DivergentRow RowThat(Why why, Difference difference, bool target_is_log = false) {
  return {.difference = difference, .why = why, .target_is_log = target_is_log};
}

TEST(MendForTest, WhoeverDiffersFromTheSourceIsMended) {
  const RepairOptions usual;
  EXPECT_EQ(RepairFor(RowThat(Why::kAltered, Difference::kDiffering), usual), RepairStep::kWrite);
  EXPECT_EQ(RepairFor(RowThat(Why::kAltered, Difference::kExtra), usual), RepairStep::kWrite);
  EXPECT_EQ(RepairFor(RowThat(Why::kMissed, Difference::kDiffering, true), usual),
            RepairStep::kRecapture);
  EXPECT_EQ(RepairFor(RowThat(Why::kMissed, Difference::kMissing, false), usual),
            RepairStep::kBoth);
  EXPECT_EQ(RepairFor(RowThat(Why::kGone, Difference::kExtra, true), usual),
            RepairStep::kRecapture);
}

// Fails when a decision that somebody has made, or has yet to make, is overridden unasked.
TEST(MendForTest, WhatIsDecidedOrWaitsIsLeftAlone) {
  const RepairOptions usual;
  EXPECT_EQ(RepairFor(RowThat(Why::kParked, Difference::kMissing), usual), RepairStep::kLeave);
  EXPECT_EQ(RepairFor(RowThat(Why::kNoCursor, Difference::kMissing, true), usual),
            RepairStep::kLeave);
  EXPECT_EQ(RepairFor(RowThat(Why::kKept, Difference::kDiffering), usual), RepairStep::kLeave);
  EXPECT_EQ(RepairFor(RowThat(Why::kKept, Difference::kDiffering), {.conflicts = true}),
            RepairStep::kWrite);
  EXPECT_EQ(RepairFor(RowThat(Why::kParked, Difference::kMissing), {.conflicts = true}),
            RepairStep::kLeave);
  EXPECT_EQ(RepairFor(RowThat(Why::kGone, Difference::kExtra), {.keep_extra = true}),
            RepairStep::kLeave);
  EXPECT_EQ(RepairFor(RowThat(Why::kAltered, Difference::kExtra), {.keep_extra = true}),
            RepairStep::kLeave);
}

// Fails when a row gets a state that its target's offset has yet to reach, or is already past: the
// next change of the row would not find the state that it follows.
TEST(StepsAtTest, RowsGetTheStatesOfTheTargetsOffset) {
  ManualClock clock;
  test::TestLog log(clock);
  const auto schema = test::ItemsSchema();
  const auto key = [](int64_t id) { return test::MakeRow({ValueView::Int(id)}); };
  log.Cut([&](CutWriter& cut) {
    cut.Add(schema, test::Item(1, "a", 1));
    cut.Add(schema, test::Item(2, "a", 1));
  });
  log.Cut([&](CutWriter& cut) {
    cut.Add(schema, test::Item(1, "b", 2));
    cut.AddDeletion(schema, key(2), Value(test::Stamp(2)));
  });
  const auto reader = log.NewReader();
  LogHistory history(*reader, Offset(2));
  std::vector<RowToWrite> rows;
  for (const int64_t id : {3, 2, 1}) {
    history.Want(schema->table, key(id));
    rows.push_back({schema, key(id)});
  }
  history.Read(Offset(), log.end());

  const auto before = StepsAt(history, rows, Offset(2));
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(before[0].upserts.size(), 2u);
  EXPECT_EQ(before[0].upserts[0].row, test::Item(1, "a", 1));
  EXPECT_EQ(before[0].upserts[1].row, test::Item(2, "a", 1));
  ASSERT_EQ(before[0].deletes.size(), 1u);
  EXPECT_EQ(before[0].deletes[0].key, key(3)) << "the log never had it";

  const auto after = StepsAt(history, rows, Offset(4));
  ASSERT_EQ(after[0].upserts.size(), 1u);
  EXPECT_EQ(after[0].upserts[0].row, test::Item(1, "b", 2));
  EXPECT_EQ(after[0].deletes.size(), 2u);
}

}  // namespace
}  // namespace syncline::cli
