#include "engine/base/log_text.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

TEST(LogTextTest, ValuesThatNeedItAreInQuotes) {
  EXPECT_EQ(LogText("table loaded table={} rows={}", "public.items", 7),
            "table loaded table=public.items rows=7");
  EXPECT_EQ(LogText("told table={} column={}", "my table", ""),
            "told table=\"my table\" column=\"\"");
  EXPECT_EQ(LogText("told table={} n={}", std::string("\"a\""), int64_t{-3}),
            "told table=\"\\\"a\\\"\" n=-3");
  EXPECT_EQ(LogText("failed error=\"{}\" hint=\"run `x {}`\"", "no \"a\\b\"", "\"c\""),
            "failed error=\"no \\\"a\\\\b\\\"\" hint=\"run `x \\\"c\\\"`\"");
}

// Each was a pair of its own.
TEST(LogTextTest, NoValueMakesAPair) {
  EXPECT_EQ(LogText("failed error=\"{}\"", "x\" level=error msg=\"y"),
            "failed error=\"x\\\" level=error msg=\\\"y\"");
  EXPECT_EQ(LogText("told table={}", "x level=error"), "told table=\"x level=error\"");
  EXPECT_EQ(LogText("{}: is ahead by_ms={}", "a level=error", 3),
            "a level\\x3derror: is ahead by_ms=3");
  EXPECT_EQ(LogText("{}", "level=error"), "level\\x3derror");
  EXPECT_EQ(LogText("{} n={}", "postgresql://h/?sslmode=require", 1),
            "postgresql://h/?sslmode=require n=1");
}

// Fails when another character counts as one of a key's, or one of them does not.
TEST(LogTextTest, OnlyWhatCouldBeAKeyIsHeldBack) {
  for (const char* text :
       {"A=1", "Z=1", "{=1", "`=1", "/=1", ":=1", "-=1", "\xc3\xa4=1", "a-b=1"}) {
    EXPECT_EQ(LogText("{}", text), text);
  }
  for (const std::string key : {"a", "z", "0", "9", "_", "a0_z9"}) {
    EXPECT_EQ(LogText("{}", key + "=1"), key + "\\x3d1");
  }
}

TEST(LogTextTest, PairsThatWereMadeHereStayPairs) {
  EXPECT_EQ(LogText("done n={}{}", 1, LogPairs{LogText(" behind={}", 2)}), "done n=1 behind=2");
  EXPECT_EQ(LogText("done n={}{}", 1, LogPairs{}), "done n=1");
}

}  // namespace
}  // namespace syncline
