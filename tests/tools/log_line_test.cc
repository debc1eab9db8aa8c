#include "tools/support/log_line.h"

#include <gtest/gtest.h>

#include <limits>

namespace syncline::cli {
namespace {

// A frame of one table with an upsert, a deletion and a mark; it closes its cut.
Frame SampleFrame() {
  auto schema = std::make_shared<TableSchema>();
  schema->table = {"public", "items"};
  schema->columns = {
      {"id", Type::kInt}, {"name", Type::kText}, {"price", Type::kDecimal}, {"seen", Type::kInt}};
  schema->key = {0};
  schema->cursor = 3;
  Frame frame;
  frame.tables = {schema};
  frame.header.base = Offset(40);
  frame.header.closes_cut = true;
  Change upsert{
      .op = Op::kUpsert, .version = Value(ValueView::Int(9)), .previous = Value(ValueView::Int(8))};
  upsert.row.Append(ValueView::Int(7));
  upsert.row.Append(ValueView::Text("two\nlines"));
  upsert.row.Append(ValueView::Decimal("12.50"));
  upsert.row.Append(ValueView::Null());
  Change deletion{.op = Op::kDelete, .version = Value(ValueView::Int(10))};
  deletion.row.Append(ValueView::Int(7));
  frame.changes = {upsert, deletion, Change{.op = Op::kMark}};
  frame.header.count = 3;
  return frame;
}

TEST(LogLineTest, JsonKeepsEveryValueExactly) {
  const Frame frame = SampleFrame();
  const Json upsert = LineJson({frame, 0});
  EXPECT_EQ(upsert.at("offset"), 40);
  EXPECT_EQ(upsert.at("op"), "upsert");
  EXPECT_EQ(upsert.at("table"), "public.items");
  EXPECT_EQ(upsert.at("key").dump(), R"({"id":7})");
  EXPECT_EQ(upsert.at("row").dump(), R"({"id":7,"name":"two\nlines","price":"12.50","seen":null})");
  EXPECT_EQ(upsert.at("version"), 9);
  EXPECT_EQ(upsert.at("previous"), 8);
  EXPECT_EQ(upsert.at("closes_cut"), false);
}

TEST(LogLineTest, ADeletionHasAKeyAndNoRowAMarkHasNeither) {
  const Frame frame = SampleFrame();
  const Json deletion = LineJson({frame, 1});
  EXPECT_EQ(deletion.at("op"), "delete");
  EXPECT_EQ(deletion.at("key").dump(), R"({"id":7})");
  EXPECT_TRUE(deletion.at("row").is_null());
  const Json mark = LineJson({frame, 2});
  EXPECT_EQ(mark.at("op"), "mark");
  EXPECT_TRUE(mark.at("table").is_null());
  EXPECT_EQ(mark.at("closes_cut"), true) << "the last change of a frame that closes its cut";
}

TEST(LogLineTest, NumbersThatJsonHasNotAreTexts) {
  EXPECT_EQ(ToJson(ValueView::Double(std::numeric_limits<double>::quiet_NaN())), "NaN");
  EXPECT_EQ(ToJson(ValueView::Double(0.1)).dump(), "0.1");
  EXPECT_EQ(ToJson(ValueView::Bytes(std::string_view("\0\xff", 2))), "\\x00ff");
  EXPECT_EQ(Dump(ToJson(ValueView::Text("\xff"))), "\"\xEF\xBF\xBD\"")
      << "invalid UTF-8 is no error";
}

TEST(LogLineTest, OneLineForPeopleWhateverTheTextHolds) {
  const Frame frame = SampleFrame();
  const std::string line = LineText({frame, 0}).Shown(/*colour=*/false);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find("public.items id=7 name=\"two\\nlines\" price=12.50 seen=NULL"),
            std::string::npos)
      << line;
}

TEST(LogLineTest, FiltersByTableWithOrWithoutSchemaAndByKey) {
  const Frame frame = SampleFrame();
  auto passes = [&](ChangeFilter filter, size_t index) {
    return Passes(filter, LoggedChange{frame, index});
  };
  EXPECT_TRUE(passes({}, 2));
  EXPECT_TRUE(passes({.table = "public.items"}, 0));
  EXPECT_TRUE(passes({.table = "items"}, 0));
  EXPECT_FALSE(passes({.table = "orders"}, 0));
  EXPECT_FALSE(passes({.table = "items"}, 2)) << "a mark belongs to no table";
  EXPECT_TRUE(passes({.key = {"7"}}, 0));
  EXPECT_TRUE(passes({.key = {"7"}}, 1)) << "a deletion is part of a row's history";
  EXPECT_FALSE(passes({.key = {"8"}}, 0));
  EXPECT_FALSE(passes({.key = {"7", "1"}}, 0));
}

}  // namespace
}  // namespace syncline::cli
