#include "tools/support/log_json.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/log_text.h"

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

TEST(LogJsonTest, ValuesMayHoldQuotesAndBlanks) {
  const Json members =
      LogMembers(LogText("failed error=\"{}\" hint=\"{}\" tries={}",
                         "column \"a b\" of \"t\" is no x\\", "say \"please\"", 3));
  EXPECT_EQ(members.at("error"), "column \"a b\" of \"t\" is no x\\");
  EXPECT_EQ(members.at("hint"), "say \"please\"");
  EXPECT_EQ(members.at("tries"), 3);
  EXPECT_EQ(LogMembers("told table=my table rows=2").at("table"), "my table");
  EXPECT_EQ(LogMembers("open quote=\"never ends rows=2").at("quote"), "\"never ends");
}

// Seen to fail where lines were taken apart as if nobody had written into them: a name, or a
// server's message, made members of its own.
TEST(LogJsonTest, NoValueMakesAMember) {
  const std::string forged[] = {"x\" level=error error=\"y",
                                "public.\"a rows=0 error=gone \"\"x y=1\"",
                                "a error=1",
                                "error=\"1\"",
                                "\\\" error=\"1",
                                "\" error=1 \""};
  for (const std::string& text : forged) {
    for (const std::string& line : {LogText("told table={} rows={}", text, 7),
                                    LogText("told table=\"{}\" rows={}", text, 7)}) {
      const Json members = LogMembers(line);
      EXPECT_EQ(members.size(), 3u) << line;
      EXPECT_EQ(members.at("table"), text) << line;
      EXPECT_EQ(members.at("rows"), 7) << line;
    }
    EXPECT_EQ(LogMembers(LogText("{} rows={}", text, 7)).size(), 2u) << text;
  }
}

TEST(LogJsonTest, OnlyExactIntegersAreNumbersAndTheLinesOwnKeysStay) {
  const Json members = LogMembers("m a=-7 b=007 c=1234567890123456789 d=1.5 level=3 message=x");
  EXPECT_EQ(members.dump(),
            R"({"message":"m","a":-7,"b":"007","c":"1234567890123456789","d":"1.5",)"
            R"("level_":3,"message_":"x"})");
}

}  // namespace
}  // namespace syncline::cli
