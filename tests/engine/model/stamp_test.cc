#include "engine/model/stamp.h"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <vector>

namespace syncline {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;
// The last day that PostgreSQL's date can say; as microseconds it would not fit.
constexpr int64_t kLastDay = 2'145'031'948;

std::optional<int64_t> OfDate(int64_t days) { return StampOf(Value(ValueView::Date(days))); }
std::optional<int64_t> OfText(std::string_view text) {
  return StampOf(Value(ValueView::Text(text)));
}

TEST(StampTest, AMomentIsItsMicroseconds) {
  for (const int64_t us : {kNegativeInfinity, int64_t{-1}, int64_t{0}, kDayUs, kPositiveInfinity}) {
    EXPECT_EQ(StampOf(Value(ValueView::TimestampTz(us))), us);
    EXPECT_EQ(StampOf(Value(ValueView::Timestamp(us))), us);
  }
}

// Seen to fail when dates are not kept within what microseconds can say (the product overflows),
// and when infinite ones are kept within the days that fit: a finite date was their equal.
TEST(StampTest, InfiniteDatesAreBeyondEveryFiniteOne) {
  EXPECT_EQ(OfDate(0), 0);
  EXPECT_EQ(OfDate(1), kDayUs);
  EXPECT_EQ(OfDate(-1), -kDayUs);
  EXPECT_EQ(OfDate(kNegativeInfinity), kNegativeInfinity);
  EXPECT_EQ(OfDate(kPositiveInfinity), kPositiveInfinity);
  std::optional<int64_t> before = kNegativeInfinity;
  for (const int64_t day : {-kLastDay, int64_t{-106'751'990}, int64_t{-1}, int64_t{0},
                            int64_t{106'751'990}, kLastDay}) {
    EXPECT_LT(before, OfDate(day)) << day;
    before = OfDate(day);
  }
  EXPECT_LT(before, kPositiveInfinity);
}

TEST(StampTest, ATextIsTheTimeThatItTells) {
  EXPECT_EQ(OfText("2000-01-02 00:00:00+00"), kDayUs);
  EXPECT_EQ(OfText("infinity"), kPositiveInfinity);
  EXPECT_EQ(OfText("-infinity"), kNegativeInfinity);
  EXPECT_EQ(OfText("soon"), std::nullopt);
}

TEST(StampTest, WhatIsNoTimeHasNone) {
  for (const ValueView value : {ValueView::Null(), ValueView::Int(5), ValueView::Double(5),
                                ValueView::Decimal("5"), ValueView::Time(5)}) {
    EXPECT_EQ(StampOf(Value(value)), std::nullopt);
  }
}

// Seen to fail when a date is made by division alone: moments before 2000 fall on the next day, and
// an infinite one on a finite day.
TEST(StampTest, AVersionTellsTheMomentThatItWasMadeFor) {
  for (const int64_t us : {kNegativeInfinity, -kDayUs, int64_t{-1}, int64_t{0}, int64_t{1},
                           kDayUs - 1, kDayUs, kPositiveInfinity}) {
    EXPECT_EQ(VersionAt(Type::kTimestamp, us), Value(ValueView::Timestamp(us)));
    EXPECT_EQ(VersionAt(Type::kTimestampTz, us), Value(ValueView::TimestampTz(us)));
    EXPECT_EQ(VersionAt(Type::kInt, us), Value(ValueView::TimestampTz(us)));
    EXPECT_EQ(StampOf(VersionAt(Type::kText, us)), us);
    EXPECT_EQ(VersionAt(Type::kText, us).type(), Type::kText);
  }
  const auto date = [](int64_t us) { return VersionAt(Type::kDate, us).view().as_int(); };
  EXPECT_EQ(date(kDayUs - 1), 0);
  EXPECT_EQ(date(kDayUs), 1);
  EXPECT_EQ(date(-1), -1);
  EXPECT_EQ(date(-kDayUs), -1);
  EXPECT_EQ(date(-kDayUs - 1), -2);
  EXPECT_EQ(date(kNegativeInfinity), kNegativeInfinity);
  EXPECT_EQ(date(kPositiveInfinity), kPositiveInfinity);
}

}  // namespace
}  // namespace syncline
