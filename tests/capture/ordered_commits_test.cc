#include "capture/ordered_commits.h"

#include <gtest/gtest.h>

#include "engine/model/value_text.h"

namespace syncline::capture {
namespace {

using std::chrono::seconds;

std::string TakenOff(const std::string& text) {
  return ToText(TakeOff(Value(ValueView::Text(text)), seconds(2)));
}

TEST(OrderedCommitsTest, TheMarginIsTakenOffTimesInTheirOwnForm) {
  EXPECT_EQ(TakenOff("2026-01-31 10:00:01"), "2026-01-31 09:59:59");
  EXPECT_EQ(TakenOff("2026-01-31T10:00:01.250Z"), "2026-01-31T09:59:59");
  EXPECT_EQ(TakenOff("2026-01-01 00:00:00.500+02:00"), "2025-12-31 23:59:58");
  const Value stamp = *FromText(Type::kTimestampTz, "2026-01-31 10:00:01.250000+00");
  EXPECT_EQ(ToText(TakeOff(stamp, seconds(2))), "2026-01-31 09:59:59");
}

TEST(OrderedCommitsTest, OtherValuesStayAsTheyAre) {
  for (const char* text : {"", "42", "2026-01-31", "infinity", "a text of nineteen or more"}) {
    EXPECT_EQ(TakenOff(text), text);
  }
  EXPECT_EQ(TakeOff(Value(ValueView::Int(7)), seconds(2)), Value(ValueView::Int(7)));
}

TEST(OrderedCommitsTest, ATimeThatHasNotComeYetIsToldApart) {
  const int64_t now = FromText(Type::kTimestampTz, "2026-01-31 10:00:00+00")->view().as_int();
  const auto later = [&](const char* text) {
    return IsLaterThan(Value(ValueView::Text(text)), now);
  };
  EXPECT_FALSE(later("2026-01-31 10:00:00"));
  EXPECT_TRUE(later("2026-01-31T10:00:00.001Z"));
  EXPECT_FALSE(later("2026-01-31 12:00:00+02"));
  EXPECT_TRUE(later("2099-01-01"));
  EXPECT_FALSE(later("zzz"));
  EXPECT_TRUE(IsLaterThan(Value(ValueView::Timestamp(now + 1)), now));
  EXPECT_FALSE(IsLaterThan(Value(ValueView::Int(INT64_MAX)), now));
}

}  // namespace
}  // namespace syncline::capture
