#include "capture/table_mark.h"

#include <gtest/gtest.h>

namespace syncline::capture {
namespace {

using Kind = TableChange::Kind;

Kind KindOf(const TableMark& before, const TableMark& now, bool has_parts = true) {
  return Compare(before, now, has_parts).kind;
}

TEST(TableMarkTest, ATableIsKnownByItsOidItsFilesAndItsColumns) {
  const TableMark mark{.object = "5", .files = "5.70", .columns = "4.1"};
  EXPECT_EQ(KindOf(mark, mark), Kind::kNone);
  EXPECT_EQ(KindOf(mark, {"6", "6.70", "4.1"}), Kind::kReplaced);
  EXPECT_EQ(KindOf(mark, {"5", "5.71", "4.1"}), Kind::kRewritten);
  EXPECT_EQ(KindOf(mark, {"5", "5.70", "5.1"}), Kind::kNone);       // one was added
  EXPECT_EQ(KindOf(mark, {"5", "5.70", "4.2"}), Kind::kNone);       // one was dropped
  EXPECT_EQ(KindOf(mark, {"5", "5.70", "5.2"}), Kind::kRewritten);  // perhaps under one name
}

TEST(TableMarkTest, OfWhatIsNotKnownNothingHasChanged) {
  const TableMark mark{.object = "5", .files = "5.70", .columns = "4.1"};
  EXPECT_EQ(KindOf({}, mark), Kind::kNone);
  EXPECT_EQ(KindOf(mark, {}), Kind::kNone);
}

TEST(TableMarkTest, PartsAreReadByThemselves) {
  const TableMark mark{.object = "5", .files = "6.70 7.71", .columns = "4.0"};
  EXPECT_EQ(Compare(mark, {"5", "6.72 7.71 8.73", "4.0"}, true),
            (TableChange{Kind::kParts, {6, 8}}));
  EXPECT_EQ(Compare(mark, {"5", "6.70", "4.0"}, true), (TableChange{Kind::kParts, {}}));
  EXPECT_EQ(KindOf(mark, {"5", "6.70 7.72", "4.0"}, false), Kind::kRewritten);
  EXPECT_EQ(Compare({"5", "5.70", "4.0"}, {"5", "5.70 8.73", "4.0"}, true),
            (TableChange{Kind::kParts, {8}}));
}

}  // namespace
}  // namespace syncline::capture
