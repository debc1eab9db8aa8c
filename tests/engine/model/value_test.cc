#include "engine/model/value.h"

#include <gtest/gtest.h>

#include <cmath>

#include "samples.h"

namespace syncline {
namespace {

TEST(ValueTest, AnOwnedValueIsTheSameAsItsView) {
  for (const ValueView view : SampleValues()) {
    const Value value(view);
    EXPECT_EQ(value.view(), view) << TypeName(view.type());
    EXPECT_EQ(Value(value.view()), value);
  }
}

TEST(ValueTest, EqualityIsByBits) {
  EXPECT_EQ(ValueView::Double(std::nan("")), ValueView::Double(std::nan("")));
  EXPECT_NE(ValueView::Double(0.0), ValueView::Double(-0.0));
  EXPECT_NE(ValueView::Decimal("1.0"), ValueView::Decimal("1.00"));
  EXPECT_NE(ValueView::Text(""), ValueView::Null());
  EXPECT_NE(ValueView::Timestamp(5), ValueView::TimestampTz(5));
}

// Fails when decimals are compared as text, or when an infinity is not at its end.
TEST(ValueTest, VersionsOrderByValue) {
  const auto less = [](ValueView a, ValueView b) {
    return CompareValues(a, b) < 0 && CompareValues(b, a) > 0;
  };
  EXPECT_TRUE(less(ValueView::Int(-1), ValueView::Int(3)));
  EXPECT_TRUE(less(ValueView::TimestampTz(kNegativeInfinity), ValueView::TimestampTz(-5)));
  EXPECT_TRUE(less(ValueView::TimestampTz(5), ValueView::TimestampTz(kPositiveInfinity)));
  EXPECT_TRUE(less(ValueView::Decimal("-10"), ValueView::Decimal("-9.5")));
  EXPECT_TRUE(less(ValueView::Decimal("9.5"), ValueView::Decimal("10")));
  EXPECT_TRUE(less(ValueView::Decimal("0.09"), ValueView::Decimal("0.1")));
  EXPECT_TRUE(less(ValueView::Decimal("99"), ValueView::Decimal("Infinity")));
  EXPECT_TRUE(less(ValueView::Decimal("-Infinity"), ValueView::Decimal("-99")));
  EXPECT_TRUE(less(ValueView::Double(1e300), ValueView::Double(std::nan(""))));
  EXPECT_TRUE(less(ValueView::Text("2026-01-09"), ValueView::Text("2026-01-10")));
  EXPECT_TRUE(CompareValues(ValueView::Decimal("1.0"), ValueView::Decimal("1.00")) == 0);
  EXPECT_TRUE(CompareValues(ValueView::Decimal("-0.0"), ValueView::Decimal("0")) == 0);
  EXPECT_TRUE(less(ValueView::Null(), ValueView::Int(0)));
}

}  // namespace
}  // namespace syncline
