#include "capture/horizon/ordered_commits.h"

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

TEST(OrderedCommitsTest, TheMarginIsTakenOffNumbersAndDaysInTheirOwnForm) {
  EXPECT_EQ(TakeOff(Value(ValueView::Int(1767348001)), seconds(2)),
            Value(ValueView::Int(1767347999)));
  EXPECT_EQ(TakeOff(Value(ValueView::Int(1767348001500)), seconds(2)),
            Value(ValueView::Int(1767347999500)));
  EXPECT_EQ(TakeOff(Value(ValueView::Int(20260101)), seconds(2)), Value(ValueView::Int(20251231)));
  EXPECT_EQ(TakenOff("1767348001"), "1767347999");
  EXPECT_EQ(TakenOff("2026-01-31"), "2026-01-30");
  EXPECT_EQ(TakenOff("2026-01-31T10:00Z"), "2026-01-31T09:59");
}

TEST(OrderedCommitsTest, OtherValuesStayAsTheyAre) {
  for (const char* text : {"", "42", "infinity", "now", "a text of nineteen or more"}) {
    EXPECT_EQ(TakenOff(text), text);
  }
  EXPECT_EQ(TakeOff(Value(ValueView::Int(7)), seconds(2)), Value(ValueView::Int(7)));
}

}  // namespace
}  // namespace syncline::capture
