#include "capture/plan/table_mark.h"

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

// Each but the first four fails where only the counts are compared.
TEST(TableMarkTest, ANameThatMeansAnotherColumnIsARewrite) {
  const auto kind = [](const std::string& before, const std::string& now) {
    return KindOf({"5", "5.70", before}, {"5", "5.70", now});
  };
  EXPECT_EQ(kind("3.0.a,b,c", "3.0.a,b,c"), Kind::kNone);
  EXPECT_EQ(kind("3.0.a,b,c", "4.0.a,b,c,d"), Kind::kNone);       // one was added
  EXPECT_EQ(kind("3.0.a,b,c", "3.1.a,,c"), Kind::kNone);          // one was dropped
  EXPECT_EQ(kind("3.1.a,,c", "4.2.a,,,c"), Kind::kRewritten);     // dropped and added
  EXPECT_EQ(kind("3.1.a,,c", "4.2.a,,,d"), Kind::kNone);          // under another name
  EXPECT_EQ(kind("3.0.a,b,c", "3.0.a,c,b"), Kind::kRewritten);    // two were swapped
  EXPECT_EQ(kind("3.0.a,b,c", "3.1.a,,b"), Kind::kRewritten);     // b was dropped, c took its name
  EXPECT_EQ(kind("3.0.a,b,c", "4.0.a,d,c,b"), Kind::kRewritten);  // b was renamed and added
  EXPECT_EQ(kind("3.0.a,b,c", "3.0.a,d,c"), Kind::kRewritten);    // d has values that are not new
  EXPECT_EQ(kind("3.0.a,b,c", "4.1.a,d,,e"), Kind::kRewritten);
}

// The marks of earlier cursors are compared as far as they go.
TEST(TableMarkTest, NamesThatAreNotKnownAreNotCompared) {
  const auto kind = [](const std::string& before, const std::string& now) {
    return KindOf({"5", "5.70", before}, {"5", "5.70", now});
  };
  EXPECT_EQ(kind("3.0", "3.0.a,b,c"), Kind::kNone);
  EXPECT_EQ(kind("3.0", "4.0.a,b,c,d"), Kind::kNone);
  EXPECT_EQ(kind("3.0", "4.1.a,,c,d"), Kind::kRewritten);
}

TEST(TableMarkTest, ALabelWithAnotherNameIsARewriteAndOneThatIsAddedIsNone) {
  const auto kind = [](const std::string& before, const std::string& now) {
    return KindOf({"5", "5.70", "9.0", before}, {"5", "5.70", "9.0", now});
  };
  EXPECT_EQ(kind("4:5f,9a", "4:5f,9a"), Kind::kNone);
  EXPECT_EQ(kind("4:5f,9a", "4:5f,9a,03"), Kind::kNone);
  EXPECT_EQ(kind("4:5f,9a", "4:5f,9b"), Kind::kRewritten);
  EXPECT_EQ(kind("4:5f,9a", "4:5f,9ab"), Kind::kRewritten);
  EXPECT_EQ(kind("4:5f,9a", "4:5f"), Kind::kRewritten);
  EXPECT_EQ(kind("4:5f;7:1", "4:5f;7:2"), Kind::kRewritten);
  EXPECT_EQ(kind("4:5f", "4:5f;7:1"), Kind::kNone);  // a column was added
  EXPECT_EQ(kind("4:5f", ""), Kind::kNone);          // and dropped
  EXPECT_EQ(kind("", "4:5f"), Kind::kNone);          // nothing was known
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
