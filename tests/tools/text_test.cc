// The small functions that turn texts into values and back.
#include <gtest/gtest.h>

#include "tools/duration.h"
#include "tools/glob.h"
#include "tools/terminal.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

TEST(DurationTest, AWholeNumberAndAUnit) {
  EXPECT_EQ(ParseDuration("200ms"), Microseconds(200ms));
  EXPECT_EQ(ParseDuration("5s"), Microseconds(5s));
  EXPECT_EQ(ParseDuration("1m"), Microseconds(1min));
  EXPECT_EQ(ParseDuration("2h"), Microseconds(2h));
  EXPECT_EQ(ParseDuration("7d"), Microseconds(168h));
  EXPECT_EQ(ParseDuration("0s"), Microseconds(0));
}

TEST(DurationTest, NothingElse) {
  for (const char* text : {"", "5", "s", "-1s", "+1s", "1.5s", "5 s", " 5s", "5s ", "5S", "5sec",
                           "9223372036854775807d", "99999999999999999999s"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(DurationTest, FormsForPeople) {
  EXPECT_EQ(FormatDuration(-5s), "0.0 s");
  EXPECT_EQ(FormatDuration(1'260ms), "1.2 s");
  EXPECT_EQ(FormatDuration(200s), "3 min 20 s");
  EXPECT_EQ(FormatDuration(125min), "2 h 5 min");
  EXPECT_EQ(FormatDuration(51h), "2 d 3 h");
}

TEST(TimeTest, WhatIsWrittenIsRead) {
  const WallTime time{1'769'903'999'123'456us};
  EXPECT_EQ(FormatTime(time), "2026-01-31T23:59:59.123456Z");
  EXPECT_EQ(ParseTime("2026-01-31T23:59:59.123456Z"), time);
  EXPECT_EQ(ParseTime("2026-02-01 00:59:59.123456+01:00"), time);
  EXPECT_EQ(ParseTime("yesterday"), std::nullopt);
  EXPECT_EQ(ParseTime("infinity"), std::nullopt);
}

TEST(GlobTest, StarsAndQuestionMarks) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("order_*", "order_lines"));
  EXPECT_FALSE(GlobMatches("order_*", "orders"));
  EXPECT_TRUE(GlobMatches("*_*_x", "a_b_c_x"));
  EXPECT_FALSE(GlobMatches("*_*_x", "a_x"));
  EXPECT_TRUE(GlobMatches("a?c", "abc"));
  EXPECT_FALSE(GlobMatches("a?c", "ac"));
  EXPECT_FALSE(GlobMatches("", "a"));
  EXPECT_TRUE(GlobMatches("***", "abc"));
}

// Fails (by never ending) when each star tries all lengths for itself.
TEST(GlobTest, ManyStarsTakeNoLongerThanOne) {
  EXPECT_FALSE(GlobMatches("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(4'000, 'a')));
}

TEST(GlobTest, InQuotesAStarIsAStar) {
  EXPECT_TRUE(IsGlob("public.*"));
  EXPECT_FALSE(IsGlob("public.\"what*\""));
  EXPECT_FALSE(IsGlob("public.items"));
}

TEST(TerminalTest, ControlCharactersAreShownNotSent) {
  EXPECT_EQ(Printable("a\nb\x1b[31mü\x7f"), "a\\nb\\x1b[31mü\\x7f");
}

TEST(TerminalTest, CountsAndBytesForPeople) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'234'567), "1,234,567");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(DisplayWidth("süß"), 3u);
}

}  // namespace
}  // namespace syncline::cli
