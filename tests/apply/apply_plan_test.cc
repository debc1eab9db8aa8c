#include "apply/plan/apply_plan.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;

TableMapping Mapping() { return {.source = {"public", "items"}, .target = {"sales", "goods"}}; }

std::string MessageOf(const TableMapping& mapping, test::SchemaPtr schema = ItemsSchema()) {
  try {
    PlanTable(std::move(schema), mapping);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_FALSE(error.hint().empty());
    return error.message();
  }
  return "";
}

TEST(TablePlanTest, RenamesAndOmissionsShapeNamesKeyAndRows) {
  TableMapping mapping = Mapping();
  mapping.columns = {{"id", "source_id"}};
  mapping.omit = {"name"};
  const ApplyPlan plan = PlanTable(ItemsSchema(), mapping);
  EXPECT_EQ(plan.ColumnNames(), (std::vector<std::string>{"source_id", "updated_at"}));
  EXPECT_EQ(plan.KeyNames(), std::vector<std::string>{"source_id"});
  EXPECT_EQ(plan.cursor, 1u);
  EXPECT_EQ(TargetRow(plan, Item(7, "secret", 5)),
            test::MakeRow({ValueView::Int(7), test::Stamp(5)}));
}

TEST(TablePlanTest, WithoutOmissionsARowIsPassedOnAsItIs) {
  EXPECT_EQ(TargetRow(PlanTable(ItemsSchema(), Mapping()), Item(7, "x", 5)), Item(7, "x", 5));
}

// Capture leaves omitted columns out of the log, and a log is older than the configuration.
TEST(TablePlanTest, NamesThatTheSchemaLacksAreNoError) {
  TableMapping mapping = Mapping();
  mapping.columns = {{"gone", "somewhere"}};
  mapping.omit = {"internal_note"};
  EXPECT_EQ(PlanTable(ItemsSchema(), mapping).columns.size(), 3u);
}

// Fails when a later column silently takes an earlier one's place: `columns: {id: source_id}` with
// a source that has a source_id.
TEST(TablePlanTest, TwoColumnsWithOneNameAreRefused) {
  const auto schema = test::MakeSchema("public.items", {{"id", Type::kInt, "bigint", false},
                                                        {"source_id", Type::kInt, "bigint", true},
                                                        {"version", Type::kInt, "bigint", false}});
  TableMapping mapping = Mapping();
  mapping.columns = {{"id", "source_id"}};
  EXPECT_EQ(MessageOf(mapping, schema),
            "columns id and source_id of public.items would both become source_id of sales.goods");
  mapping.omit = {"source_id"};
  EXPECT_EQ(MessageOf(mapping, schema), "");
}

TEST(TablePlanTest, TheKeyCannotBeOmitted) {
  TableMapping mapping = Mapping();
  mapping.omit = {"id"};
  EXPECT_NE(MessageOf(mapping).find("part of the key"), std::string::npos);
}

TEST(TablePlanTest, TheCursorCanBeOmittedOnlyWhereVersionsDoNotDecide) {
  TableMapping mapping = Mapping();
  mapping.omit = {"updated_at"};
  EXPECT_NE(MessageOf(mapping).find("the cursor column"), std::string::npos);
  mapping.conflict = ConflictRule::kTargetWins;
  EXPECT_NE(MessageOf(mapping).find("the cursor column"), std::string::npos);
  mapping.conflict = ConflictRule::kSourceWins;
  EXPECT_EQ(MessageOf(mapping), "");
}

}  // namespace
}  // namespace syncline::apply
