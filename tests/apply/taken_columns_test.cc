#include "apply/plan/taken_columns.h"

#include <gtest/gtest.h>

#include "engine/model/row_shape.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::Stamp;

TakenColumns Omitting(std::vector<std::string> omit, const test::SchemaPtr& schema) {
  TableMapping mapping{.source = schema->table, .target = schema->table, .omit = std::move(omit)};
  mapping.conflict = ConflictRule::kSourceWins;
  return TakenColumns(PlanTable(schema, mapping));
}

QuarantinedChange Step(const test::SchemaPtr& schema) {
  QuarantinedChange step{.schema = schema, .change = {}};
  step.change.row = Item(7, "secret", 5);
  step.change.key = Project(step.change.row, schema->key);
  step.change.version = Value(Stamp(5));
  step.change.previous = Value(Stamp(4));
  step.change.passed = {Value(Stamp(3))};
  return step;
}

TEST(TakenColumnsTest, WhatIsTakenWholeStaysAsItIs) {
  const TakenColumns taken = Omitting({}, ItemsSchema());
  EXPECT_EQ(taken.schema(), ItemsSchema());
  const QuarantinedChange step = taken.Of(Step(ItemsSchema()));
  EXPECT_EQ(step.schema, ItemsSchema());
  EXPECT_EQ(step.change.row, Item(7, "secret", 5));
  EXPECT_EQ(step.left_out, 0u);
}

TEST(TakenColumnsTest, AnOmittedColumnGoesFromSchemaAndRow) {
  const TakenColumns taken = Omitting({"name"}, ItemsSchema());
  const QuarantinedChange step = taken.Of(Step(ItemsSchema()));
  ASSERT_EQ(step.schema->columns.size(), 2u);
  EXPECT_EQ(step.schema->Find("name"), -1);
  EXPECT_EQ(step.schema->cursor, 1u);
  EXPECT_EQ(step.change.row, test::MakeRow({ValueView::Int(7), Stamp(5)}));
  EXPECT_EQ(step.change.version, Value(Stamp(5)));
  EXPECT_EQ(step.left_out, 1u);
}

// Fails when a version of an omitted cursor is kept, or what is kept cannot be read back.
TEST(TakenColumnsTest, WithoutItsCursorAStepHasNoVersions) {
  const TakenColumns taken = Omitting({"updated_at"}, ItemsSchema());
  const QuarantinedChange step = taken.Of(Step(ItemsSchema()));
  EXPECT_TRUE(step.change.version.is_null());
  EXPECT_EQ(step.change.previous, Value()) << "there was a state before";
  EXPECT_EQ(step.change.passed, std::vector<Value>{Value()});
  EXPECT_TRUE(RowShape::OfRows(*step.schema).Fits(step.change.row));
  const auto schema = std::make_shared<const TableSchema>(DecodeSchema(EncodeSchema(*step.schema)));
  EXPECT_EQ(*schema, *step.schema);
  const QuarantinedChange again = DecodeStep(EncodeStep(step), schema);
  EXPECT_EQ(again.change.row, step.change.row);

  // It plans as before, and once more leaves nothing else out.
  const TakenColumns twice = Omitting({"updated_at"}, schema);
  EXPECT_EQ(*twice.schema(), *schema);
  EXPECT_EQ(twice.Of(again).left_out, 1u);
  EXPECT_EQ(twice.Of(again).change.row, step.change.row);
}

}  // namespace
}  // namespace syncline::apply
