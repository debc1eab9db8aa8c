#include "tools/status/log_history.h"

#include <gtest/gtest.h>

#include "tests/apply/test_log.h"

namespace syncline::cli {
namespace {

using test::Item;
using test::ItemsSchema;

const TableName kItems{"public", "items"};

Row Key(int64_t id) { return test::MakeRow({ValueView::Int(id)}); }

class LogHistoryTest : public testing::Test {
 protected:
  // Offsets: row 1 at 0, 2, 4; row 2 at 1, deleted at 3; row 3 at 5.
  LogHistoryTest() {
    log_.Cut([](CutWriter& cut) {
      cut.Add(ItemsSchema(), Item(1, "a", 1));
      cut.Add(ItemsSchema(), Item(2, "a", 1));
    });
    log_.Cut([](CutWriter& cut) {
      cut.Add(ItemsSchema(), Item(1, "b", 2));
      cut.AddDeletion(ItemsSchema(), Key(2), Value(test::Stamp(2)));
    });
    log_.Cut([](CutWriter& cut) {
      cut.Add(ItemsSchema(), Item(1, "c", 3));
      cut.Add(ItemsSchema(), Item(3, "c", 3));
    });
  }

  static std::string Name(const LoggedState* state) {
    if (state == nullptr) return "none";
    return state->deleted() ? "deleted" : std::string(state->row[1].as_string());
  }

  ManualClock clock_;
  test::TestLog log_{clock_};
};

// Fails when a state is taken that comes at or after the offset, or one before the last.
TEST_F(LogHistoryTest, TheLastStateBeforeAnOffsetIsFound) {
  const auto reader = log_.NewReader();
  LogHistory history(*reader, Offset(2));
  for (const int64_t id : {1, 2, 3, 4}) history.Want(kItems, Key(id));
  history.Read(Offset(), log_.end());
  EXPECT_EQ(Name(history.Before(kItems, Key(1), Offset(2))), "a");
  EXPECT_EQ(Name(history.Before(kItems, Key(1), Offset(3))), "b");
  EXPECT_EQ(Name(history.Before(kItems, Key(1), Offset(5))), "c");
  EXPECT_EQ(Name(history.Before(kItems, Key(2), Offset(3))), "a");
  EXPECT_EQ(Name(history.Before(kItems, Key(2), Offset(4))), "deleted");
  EXPECT_EQ(Name(history.Before(kItems, Key(3), Offset(5))), "none");
  EXPECT_EQ(Name(history.Before(kItems, Key(4), Offset(6))), "none");
  EXPECT_TRUE(history.IsTouched(kItems, Key(1), Offset(2), Offset(3)));
  EXPECT_FALSE(history.IsTouched(kItems, Key(1), Offset(5), Offset(6)));
  EXPECT_FALSE(history.IsTouched(kItems, Key(2), Offset(4), Offset(6)));
}

TEST_F(LogHistoryTest, GoesOnWhereItWas) {
  const auto reader = log_.NewReader();
  LogHistory history(*reader, Offset(2));
  history.Want(kItems, Key(1));
  history.Read(Offset(2), Offset(4));
  EXPECT_EQ(Name(history.Before(kItems, Key(1), Offset(6))), "b");
  history.Read(Offset(2), log_.end());
  EXPECT_EQ(Name(history.Before(kItems, Key(1), Offset(6))), "c");
}

// Fails when the base's last states are taken for those of an earlier offset.
TEST_F(LogHistoryTest, WhatIsFoldedIsReadFromTheBaseAndNotGuessed) {
  log_.Fold();
  const auto reader = log_.NewReader();
  ASSERT_EQ(reader->begin(), Offset(6));
  LogHistory history(*reader, Offset(4));
  for (const int64_t id : {1, 2, 3, 4}) history.Want(kItems, Key(id));
  history.Read(Offset(4), log_.end());
  EXPECT_EQ(Name(history.Before(kItems, Key(1), Offset(6))), "c");
  EXPECT_TRUE(history.IsTouched(kItems, Key(1), Offset(4), Offset(6)));
  EXPECT_FALSE(history.Knows(kItems, Key(1), Offset(4)));
  EXPECT_TRUE(history.Knows(kItems, Key(1), Offset(5)));
  EXPECT_FALSE(history.IsTouched(kItems, Key(2), Offset(4), Offset(6)));
}

}  // namespace
}  // namespace syncline::cli
