#include "tools/verify/target_normalizer.h"

#include "engine/model/value_text.h"
#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

class TargetNormalizerTest : public SqliteFilesTest {
 protected:
  ComparedTable Compared(const std::string& source_sql, const std::string& target_sql) {
    Execute("source", source_sql);
    Execute("target", target_sql);
    source_ = Open("source");
    target_ = Open("target");
    capture::TableSpec spec;
    spec.table = {"", "t"};
    spec.cursor = "stamp";
    return DescribeCompared(*source_, *target_, spec,
                            {.source = {"", "t"}, .target = {"", "t"}, .columns = {{"a", "b"}}},
                            /*known=*/{});
  }

  std::unique_ptr<sql::Session> source_, target_;
};

// Fails when a value is compared as the source has it: 7 and '7' are one value in a column of text.
TEST_F(TargetNormalizerTest, ValuesAreAsTheTargetsColumnsHoldThem) {
  const ComparedTable table =
      Compared("CREATE TABLE t(id INTEGER PRIMARY KEY, a, c, stamp TEXT)",
               "CREATE TABLE t(own TEXT, id INTEGER PRIMARY KEY, b TEXT, stamp TEXT)");
  EXPECT_FALSE(table.direct);
  EXPECT_EQ(table.left_out, std::vector<std::string>{"c"});
  const auto forms = sql::Session::Open(Url("target"), {.read_only = true});
  TargetNormalizer form(*forms, table, 0);
  const auto row = [](int64_t id, ValueView a) {
    Row made;
    made.Append(ValueView::Int(id));
    made.Append(a);
    made.Append(ValueView::Text("2026"));
    return made;
  };
  for (int round = 0; round < 2; ++round) {
    const auto stored = form.Of(std::vector{row(1, ValueView::Int(7)), row(2, ValueView())});
    ASSERT_EQ(stored.size(), 2u);
    EXPECT_EQ(*stored[0], row(1, ValueView::Text("7")));
    EXPECT_EQ(*stored[1], row(2, ValueView()));
  }
}

TEST_F(TargetNormalizerTest, TablesWithTheSameTypesNeedNoQuestions) {
  const ComparedTable table =
      Compared("CREATE TABLE t(id INTEGER PRIMARY KEY, a NUMERIC, stamp TEXT)",
               "CREATE TABLE t(id INTEGER PRIMARY KEY, b NUMERIC, stamp TEXT)");
  EXPECT_TRUE(table.direct);
  EXPECT_EQ(table.TargetKeyNames(), std::vector<std::string>{"id"});
}

}  // namespace
}  // namespace syncline::cli
