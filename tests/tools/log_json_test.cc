#include "tools/log_json.h"

#include <gtest/gtest.h>

namespace syncline::cli {
namespace {

TEST(LogJsonTest, APhraseAndItsPairsAreMembers) {
  const Json members =
      LogMembers("capture starts source=sqlite:a.db tables=4 offset=0 cursor=\"a b; c\"");
  EXPECT_EQ(members.dump(),
            R"({"message":"capture starts","source":"sqlite:a.db","tables":4,"offset":0,)"
            R"("cursor":"a b; c"})");
  EXPECT_EQ(LogMembers("nothing else").dump(), R"({"message":"nothing else"})");
  EXPECT_EQ(LogMembers("").dump(), R"({"message":""})");
}

// Fails when a quote in a value ends it, or a value takes the next pair with it.
TEST(LogJsonTest, ValuesMayHoldQuotesAndBlanks) {
  const Json members = LogMembers(
      "failed error=\"column \"a b\" of \"t\" is no x\" hint=\"say \"please\"\" tries=3");
  EXPECT_EQ(members["error"], "column \"a b\" of \"t\" is no x");
  EXPECT_EQ(members["hint"], "say \"please\"");
  EXPECT_EQ(members["tries"], 3);
  EXPECT_EQ(LogMembers("told table=my table rows=2")["table"], "my table");
  EXPECT_EQ(LogMembers("open quote=\"never ends rows=2")["quote"], "\"never ends");
}

// Seen to fail: a table's name made members of its own.
TEST(LogJsonTest, ANameInQuotesIsNoPair) {
  const Json members =
      LogMembers("table loaded table=public.\"a rows=0 error=gone \"\"x y=1\" rows=7");
  EXPECT_EQ(members["table"], "public.\"a rows=0 error=gone \"\"x y=1\"");
  EXPECT_EQ(members["rows"], 7);
  EXPECT_FALSE(members.contains("error"));
}

TEST(LogJsonTest, OnlyExactIntegersAreNumbersAndTheLinesOwnKeysStay) {
  const Json members = LogMembers("m a=-7 b=007 c=1234567890123456789 d=1.5 level=3 message=x");
  EXPECT_EQ(members.dump(),
            R"({"message":"m","a":-7,"b":"007","c":"1234567890123456789","d":"1.5",)"
            R"("level_":3,"message_":"x"})");
}

}  // namespace
}  // namespace syncline::cli
