#include "apply/batch/quarantined_change.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::Stamp;

QuarantinedChange Step(int64_t stamp, std::optional<int64_t> previous) {
  QuarantinedChange step{.schema = ItemsSchema(), .change = {}};
  RowChange& change = step.change;
  change.row = Item(7, std::string("a\0\xff", 3), stamp);
  change.key = Project(change.row, ItemsSchema()->key);
  change.version = Value(Stamp(stamp));
  change.offset = Offset(static_cast<uint64_t>(stamp));
  if (previous) change.previous = Value(Stamp(*previous));
  return step;
}

void ExpectSame(const QuarantinedChange& a, const QuarantinedChange& b) {
  EXPECT_EQ(a.deletion, b.deletion);
  EXPECT_EQ(a.change.key, b.change.key);
  EXPECT_EQ(a.change.row, b.change.row);
  EXPECT_EQ(a.change.version, b.change.version);
  EXPECT_EQ(a.change.offset, b.change.offset);
  EXPECT_EQ(a.change.previous, b.change.previous);
  EXPECT_EQ(a.change.passed, b.change.passed);
  EXPECT_EQ(a.change.passed_up_to, b.change.passed_up_to);
}

// Fails when a field is forgotten: `retry` would then decide by another rule than apply.
TEST(QuarantinedChangeTest, AStepIsReadBackExactly) {
  QuarantinedChange step = Step(5, 3);
  step.change.passed = {Value(Stamp(4)), Value(ValueView::Text("x")), Value()};
  step.change.passed_up_to = Value(ValueView::Null());
  ExpectSame(DecodeStep(EncodeStep(step), step.schema), step);
  QuarantinedChange deletion = Step(6, std::nullopt);
  deletion.deletion = true;
  deletion.change.row = Row();
  ExpectSame(DecodeStep(EncodeStep(deletion), deletion.schema), deletion);
  EXPECT_THROW(DecodeStep("something else", step.schema), Error);
  EXPECT_THROW(DecodeStep(Item(1, "a row", 1).bytes(), step.schema), Error);
}

TEST(QuarantinedChangeTest, HowManyColumnsWereLeftOutIsKept) {
  QuarantinedChange step = Step(5, 3);
  step.left_out = 2;
  const QuarantinedChange again = DecodeStep(EncodeStep(step), step.schema);
  ExpectSame(again, step);
  EXPECT_EQ(again.left_out, 2u);
}

// The bytes come from a target, where others may write. Fails when a step is taken that is not one
// of its table: whoever writes it reads values that are not there.
TEST(QuarantinedChangeTest, WhatIsNoStepOfItsTableIsDamage) {
  const auto refused = [](const QuarantinedChange& step) {
    try {
      DecodeStep(EncodeStep(step), ItemsSchema());
      return false;
    } catch (const Error& error) {
      return error.exit_code() == 4;
    }
  };
  EXPECT_FALSE(refused(Step(5, 3)));
  QuarantinedChange step = Step(5, 3);
  step.change.row = test::MakeRow({ValueView::Int(7)});
  EXPECT_TRUE(refused(step));
  step.change.row = test::MakeRow({ValueView::Text("7"), ValueView::Text("x"), Stamp(5)});
  EXPECT_TRUE(refused(step));
  step = Step(5, 3);
  step.change.key = test::MakeRow({ValueView::Int(8)});
  EXPECT_TRUE(refused(step)) << "the key of another row";
  step.change.key = test::MakeRow({ValueView::Null()});
  EXPECT_TRUE(refused(step));
  step.change.key = Row();
  EXPECT_TRUE(refused(step));
  step = Step(5, 3);
  step.deletion = true;
  EXPECT_TRUE(refused(step)) << "a deletion with a row";
  step = Step(5, 3);
  step.change.offset = Offset(UINT64_MAX);
  EXPECT_TRUE(refused(step));
}

// Fails when the type or the range of one value is not asked: it would be read as another one, or
// end the process.
TEST(QuarantinedChangeTest, EachValueIsOfItsType) {
  QuarantinedChange step = Step(5, 3);
  step.left_out = 2;
  const Row whole = Row::FromBytes(EncodeStep(step));
  const auto refused = [&](size_t place, ValueView instead) {
    Row changed;
    for (size_t i = 0; i < whole.size(); ++i) changed.Append(i == place ? instead : whole[i]);
    try {
      DecodeStep(changed.bytes(), ItemsSchema());
      return false;
    } catch (const Error& error) {
      return error.exit_code() == 4;
    }
  };
  EXPECT_FALSE(refused(9, ValueView::Int(1)));
  EXPECT_FALSE(refused(2, ValueView::Int(0)));
  for (size_t place = 0; place < whole.size(); ++place) {
    if (place == 3) continue;  // the version is of any type
    EXPECT_TRUE(refused(place, ValueView::Text("x"))) << place;
    EXPECT_TRUE(refused(place, ValueView::Null())) << place;
  }
  for (const size_t place : {2, 9}) EXPECT_TRUE(refused(place, ValueView::Int(-1))) << place;
  EXPECT_TRUE(refused(9, ValueView::Int(0)));
  EXPECT_TRUE(refused(9, ValueView::Int((1 << 20) + 1)));
  Row longer = whole;
  longer.Append(ValueView::Int(1));
  EXPECT_THROW(DecodeStep(longer.bytes(), ItemsSchema()), Error);
}

TEST(QuarantinedChangeTest, TwoStepsAreWhatABatchWouldHaveMadeOfThem) {
  QuarantinedChange second = Step(5, 4);
  second.change.passed = {Value(Stamp(2))};
  const QuarantinedChange joined = Joined(Step(4, 1), second);
  EXPECT_EQ(joined.change.previous, Value(Stamp(1)));
  EXPECT_EQ(joined.change.passed, (std::vector<Value>{Value(Stamp(4)), Value(Stamp(2))}));
  EXPECT_EQ(joined.change.version, Value(Stamp(5)));
  EXPECT_EQ(joined.change.offset, Offset(5));
  EXPECT_FALSE(joined.change.passed_up_to);
  EXPECT_FALSE(Joined(Step(1, std::nullopt), Step(2, 1)).change.previous);
}

// Fails when a row that is changed for months while it is parked grows with each change.
TEST(QuarantinedChangeTest, OfManyStatesOnlyTheHighestVersionIsRemembered) {
  QuarantinedChange step = Step(1, std::nullopt);
  for (int64_t stamp = 2; stamp < 5'000; ++stamp) step = Joined(std::move(step), Step(stamp, 1));
  EXPECT_LE(step.change.passed.size(), 1'000u);
  EXPECT_TRUE(step.change.passed_up_to);
  EXPECT_EQ(step.change.version, Value(Stamp(4'999)));
}

}  // namespace
}  // namespace syncline::apply
