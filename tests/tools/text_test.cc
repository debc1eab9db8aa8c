// The small functions that turn texts into values and back.
#include <gtest/gtest.h>

#include <cstdio>

#include "tools/support/duration.h"
#include "tools/support/glob.h"
#include "tools/support/terminal.h"

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

// A stream that can be read afterwards.
class TerminalTest : public testing::Test {
 protected:
  ~TerminalTest() override { std::fclose(stream_); }

  std::string Told() const {
    std::rewind(stream_);
    std::string text(4'096, 0);
    text.resize(std::fread(text.data(), 1, text.size(), stream_));
    return text;
  }

  std::FILE* const stream_ = std::tmpfile();
};

// Fails when a line is sent as it is.
TEST_F(TerminalTest, ControlCharactersAreShownNotSent) {
  Terminal terminal(stream_, /*colour=*/false);
  terminal.Line("a\nb\x1b[31mü\x7f\u009b\u202e\xff");
  EXPECT_EQ(Told(), "a\\nb\\x1b[31mü\\x7f\\u009b\\u202e\\xff\n");
}

// Fails when what is painted, or what stands beside it, is sent as it is.
TEST_F(TerminalTest, OnlyOurOwnColoursReachATerminal) {
  Terminal terminal(stream_, /*colour=*/true);
  terminal.Line(StyledText("\x1b[0mgood", Style::kGood) + " \x1b[31mred");
  EXPECT_EQ(Told(), "\x1b[32m\\x1b[0mgood\x1b[0m \\x1b[31mred\n");
}

TEST_F(TerminalTest, OnlyIndentedLinesOfAMessageAreLines) {
  Terminal terminal(stream_, /*colour=*/false);
  terminal.Lines("error: ", "two mistakes\n  one\n    two\nerror: forged\n two");
  EXPECT_EQ(Told(), "error: two mistakes\n  one\n    two\\nerror: forged\\n two\n");
}

// Fails when the width of a cell is that of its text before it is made printable.
TEST_F(TerminalTest, CellsOfATableAreShownInTheirPlaces) {
  Terminal terminal(stream_, /*colour=*/false);
  TextTable table({{"NAME"}, {"N", true}});
  table.Add({"a\n\x1b[2J", "1"});
  table.Add({"plain", "22"});
  table.Print(terminal);
  EXPECT_EQ(Told(), "NAME         N\na\\n\\x1b[2J   1\nplain       22\n");
}

TEST(FormatTest, CountsAndBytesForPeople) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'234'567), "1,234,567");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(DisplayWidth("süß"), 3u);
}

}  // namespace
}  // namespace syncline::cli
