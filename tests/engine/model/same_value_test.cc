#include "engine/model/same_value.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace syncline {
namespace {

ValueView TextView(std::string_view text) { return ValueView::Text(text); }

// Groups of forms of one thing each; no form of one group is one of another.
void ExpectGroups(Type type, const std::vector<std::vector<ValueView>>& groups) {
  for (size_t a = 0; a < groups.size(); ++a) {
    for (size_t b = 0; b < groups.size(); ++b) {
      for (const ValueView x : groups[a]) {
        for (const ValueView y : groups[b]) {
          EXPECT_EQ(IsSameValue(type, x, y), a == b)
              << TypeName(type) << ": group " << a << " and " << b;
          EXPECT_EQ(CanonicalValue(type, x) == CanonicalValue(type, y), a == b)
              << TypeName(type) << ": group " << a << " and " << b;
        }
      }
    }
  }
}

// Fails when zeros at an end, or a sign of zero, make another number; and when digits are dropped
// that count.
TEST(SameValueTest, ANumberIsItsDigitsWhateverItsForm) {
  const std::vector<std::vector<ValueView>> groups = {
      {ValueView::Null()},
      {ValueView::Int(0), ValueView::Decimal("0"), ValueView::Decimal("-0.00"), TextView("000")},
      {ValueView::Int(10), ValueView::Decimal("10.0"), TextView("010"), ValueView::Double(10)},
      {ValueView::Decimal("1.5"), ValueView::Decimal("1.500"), TextView("01.50")},
      {ValueView::Decimal("-0.5"), TextView("-0.50"), ValueView::Double(-0.5)},
      {ValueView::Decimal("0.5"), TextView("0.50")},
      {ValueView::Int(1), TextView("1")},
      {ValueView::Int(100)},
      {TextView("100.")},  // no decimal: it is its letters
      {ValueView::Decimal("NaN"), TextView("NaN")},
      {ValueView::Decimal("Infinity"), TextView("Infinity")},
      {TextView("1e5")},
      {TextView("")},
  };
  for (const Type type : {Type::kInt, Type::kDecimal}) ExpectGroups(type, groups);
}

TEST(SameValueTest, ADoubleHasOneZero) {
  ExpectGroups(Type::kDouble,
               {{ValueView::Double(0.0), ValueView::Double(-0.0), TextView("0"), TextView("-0")},
                {ValueView::Double(0.1), TextView("0.1"), ValueView::Decimal("0.10")},
                {ValueView::Double(std::numeric_limits<double>::infinity()), TextView("Infinity")},
                {TextView("nothing")}});
}

TEST(SameValueTest, ATruthValueHasThreeForms) {
  ExpectGroups(Type::kBool,
               {{ValueView::Bool(true), ValueView::Int(1), TextView("t"), TextView("true")},
                {ValueView::Bool(false), ValueView::Int(0), TextView("f"), TextView("false")},
                {TextView("yes")},
                {ValueView::Int(2)}});
}

TEST(SameValueTest, AMomentIsTheSameHoweverItIsWritten) {
  for (const Type type : {Type::kDate, Type::kTimestamp, Type::kTimestampTz}) {
    ExpectGroups(type, {{ValueView::TimestampTz(0), ValueView::Timestamp(0), ValueView::Date(0),
                         TextView("2000-01-01"), TextView("2000-01-01T00:00Z"),
                         TextView("2000-01-01 02:00:00+02"), ValueView::Int(946'684'800)},
                        {ValueView::TimestampTz(1), TextView("2000-01-01 00:00:00.000001")},
                        {TextView("2000-01-01 00:00:01")},
                        {TextView("now")},
                        {TextView("today")},
                        {TextView("infinity"), ValueView::TimestampTz(kPositiveInfinity)}});
  }
}

TEST(SameValueTest, TimesUuidsAndBytesAreReadFromText) {
  ExpectGroups(Type::kTime,
               {{ValueView::Time(3'600'000'000), TextView("01:00"), TextView("01:00:00.0")},
                {TextView("1:00")}});
  ExpectGroups(Type::kUuid, {{ValueView::Uuid("0123456789abcdEf"),
                              TextView("30313233-3435-3637-3839-616263644566"),
                              TextView("30313233-3435-3637-3839-616263644566")},
                             {TextView("30313233343536373839616263644566")}});
  const std::string upper = "AABBCCDD-0000-4000-8000-00000000000E";
  const std::string lower = "aabbccdd-0000-4000-8000-00000000000e";
  ExpectGroups(Type::kUuid, {{TextView(upper), TextView(lower)}});
  ExpectGroups(Type::kBytes, {{ValueView::Bytes("az"), TextView("\\x617a"), TextView("\\x617A")},
                              {TextView("az")}});
}

// Fails when a text is read as what it looks like in a column of texts.
TEST(SameValueTest, TextsAreTheirLetters) {
  for (const Type type : {Type::kText, Type::kJson, Type::kOther}) {
    ExpectGroups(type, {{TextView("1.0")},
                        {TextView("1")},
                        {TextView("2000-01-01 00:00:00")},
                        {TextView("2000-01-01T00:00:00")},
                        {TextView("A")},
                        {TextView("a")},
                        {TextView("")},
                        {ValueView::Null()}});
  }
}

TEST(SameValueTest, TwoColumnsCompareByWhatEitherOfThemSays) {
  const auto expect = [](Type a, Type b, Type expected) {
    EXPECT_EQ(ComparedType(a, b, false), expected) << TypeName(a) << " " << TypeName(b);
    EXPECT_EQ(ComparedType(b, a, false), expected) << TypeName(b) << " " << TypeName(a);
  };
  expect(Type::kTimestampTz, Type::kText, Type::kTimestampTz);
  expect(Type::kDate, Type::kInt, Type::kDate);
  expect(Type::kBool, Type::kInt, Type::kBool);
  expect(Type::kDouble, Type::kDecimal, Type::kDouble);
  expect(Type::kDecimal, Type::kInt, Type::kDecimal);
  expect(Type::kInt, Type::kText, Type::kInt);
  expect(Type::kTime, Type::kText, Type::kTime);
  expect(Type::kUuid, Type::kText, Type::kUuid);
  expect(Type::kBytes, Type::kText, Type::kBytes);
  expect(Type::kText, Type::kText, Type::kText);
  EXPECT_EQ(ComparedType(Type::kInt, Type::kText, /*is_stamp=*/true), Type::kTimestampTz);
  EXPECT_EQ(ComparedType(Type::kDate, Type::kText, /*is_stamp=*/true), Type::kDate);
}

}  // namespace
}  // namespace syncline
