#include "engine/base/printable.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

TEST(PrintableTest, WhatIsWrittenStaysAsItIs) {
  for (const char* text : {"", "plain", "Zoë Čapek", "日本語", "😀 \\ \"quotes\"", "a\u200db"}) {
    EXPECT_EQ(Printable(text), text);
    EXPECT_EQ(PrintableJson(text), text);
  }
}

// Fails for all but the first three on the escaping that knew ASCII only.
TEST(PrintableTest, WhatWouldMoveTheCursorOrTurnTheTextIsNamed) {
  EXPECT_EQ(Printable("a\nb\tc\rd"), "a\\nb\\tc\\x0dd");
  EXPECT_EQ(Printable("\x1b[31mred\x07\x7f"), "\\x1b[31mred\\x07\\x7f");
  EXPECT_EQ(Printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(Printable("\u0080\u0085\u009b31m\u009f"), "\\u0080\\u0085\\u009b31m\\u009f");
  EXPECT_EQ(Printable("\u202aa\u202eb\u2066c\u2069\u200e\u200f\u061c"),
            "\\u202aa\\u202eb\\u2066c\\u2069\\u200e\\u200f\\u061c");
  EXPECT_EQ(Printable("\u2028\u2029"), "\\u2028\\u2029");
  // Without a width: a name with them looks like another one.
  EXPECT_EQ(Printable("\ufeffa\u200bb\u00ad\u2060"), "\\ufeffa\\u200bb\\u00ad\\u2060");
}

TEST(PrintableTest, BytesThatAreNoUtf8AreNamed) {
  EXPECT_EQ(Printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(Printable("\x9b"
                      "31m"),
            "\\x9b31m");                           // C1 of one byte
  EXPECT_EQ(Printable("\xc0\x8a"), "\\xc0\\x8a");  // overlong line break
  EXPECT_EQ(Printable("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
  EXPECT_EQ(Printable("\xf0\x80\x80\x8a"), "\\xf0\\x80\\x80\\x8a");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a surrogate pair
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(Printable("a\xe2\x80"), "a\\xe2\\x80");  // cut off
}

TEST(PrintableTest, WhatWasPrintableStaysSo) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string once = Printable(all);
  EXPECT_EQ(Printable(once), once);
}

TEST(PrintableTest, JsonKeepsItsValues) {
  EXPECT_EQ(PrintableJson("{\"a\":\n \"\u202e\u009b\x7f\"}"),
            "{\"a\":\n \"\\u202e\\u009b\\u007f\"}");
}

}  // namespace
}  // namespace syncline
