#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/base/error.h"
#include "tools/config/config.h"

namespace syncline::cli {
namespace {

using capture::CaptureMethod;
using testing::HasSubstr;

// A pipeline with one table; `source` is its database, `from` says where it goes.
std::string ConfigWith(const std::string& defaults, const std::string& table,
                       const std::string& source = "postgresql:///shop",
                       const std::string& way = "from: shop, to: mirror") {
  return "log: ./log\ndatabases: {shop: '" + source +
         "', mirror: 'sqlite:mirror.db'}\ndefaults: {" + defaults + "}\npipelines: {way: {" + way +
         ", tables: {orders: {" + table + "}}}}\n";
}

TableRule RuleOf(const std::string& defaults, const std::string& table) {
  return ParseConfig(ConfigWith(defaults, table), "/x/syncline.yaml").Pipeline("way").tables[0];
}

std::string CaptureMistake(const std::string& text) {
  try {
    ParseConfig(text, "/x/syncline.yaml");
  } catch (const Error& error) {
    return error.message();
  }
  return "no mistake was found";
}

// Fails when a cursor of the defaults and a method of the table both hold.
TEST(CaptureConfigTest, TheMoreSpecificOfMethodAndCursorCounts) {
  TableRule rule = RuleOf("cursor: updated_at", "capture: xmin");
  EXPECT_EQ(rule.capture, CaptureMethod::kXmin);
  EXPECT_EQ(rule.cursor, "");
  EXPECT_EQ(rule.conflict, apply::ConflictRule::kSourceWins);
  rule = RuleOf("capture: xmin, cursor: seen, conflict: latest_wins", "");
  EXPECT_EQ(rule.capture, CaptureMethod::kXmin);
  EXPECT_EQ(rule.conflict, apply::ConflictRule::kSourceWins);
  rule = RuleOf("capture: xmin, cursor: seen", "capture: cursor");
  EXPECT_EQ(rule.cursor, "seen");
  rule = RuleOf("capture: xmin", "cursor: seen");
  EXPECT_EQ(rule.capture, CaptureMethod::kCursor);
  EXPECT_EQ(rule.cursor, "seen");
  EXPECT_EQ(rule.conflict, apply::ConflictRule::kLatestWins);
}

TEST(CaptureConfigTest, ATableThatIsComparedSaysWhen) {
  TableRule rule = RuleOf("cursor: seen", "capture: compare");
  EXPECT_EQ(rule.capture, CaptureMethod::kCompare);
  EXPECT_EQ(rule.deletes.reconcile.value().every, std::chrono::hours(1));
  rule = RuleOf("deletes: tombstones",
                "capture: {by: compare, every: 5m}, deletes: {by: none, max_deletes: 9}");
  EXPECT_EQ(rule.deletes.reconcile.value().every, std::chrono::minutes(5));
  EXPECT_EQ(rule.deletes.max_deletes.number, 9u);
  EXPECT_FALSE(rule.deletes.tombstones);
  rule = RuleOf("capture: {by: compare, cron: \"0 3 * * *\"}", "");
  EXPECT_TRUE(rule.deletes.reconcile.value().at);
  const auto with = [](const std::string& table) {
    return CaptureMistake(ConfigWith("every: 1s", table));
  };
  EXPECT_THAT(with("capture: compare, deletes: reconcile"), HasSubstr("by itself"));
  EXPECT_THAT(with("capture: {by: xmin, every: 5m}"), HasSubstr("\"by: compare\" only"));
  EXPECT_THAT(with("capture: {by: compare, every: 5m, cron: \"0 3 * * *\"}"),
              HasSubstr("takes the place"));
  EXPECT_THAT(with("capture: {every: 5m}"), HasSubstr("\"by\""));
}

TEST(CaptureConfigTest, AMethodWithoutAColumnIsRefusedWhereItDoesNotFit) {
  const auto with = [](const std::string& table) {
    return CaptureMistake(ConfigWith("every: 1s", table));
  };
  EXPECT_THAT(with("capture: xmin, cursor: seen"), HasSubstr("no column is polled by"));
  EXPECT_THAT(with("capture: compare, conflict: latest_wins"), HasSubstr("the source wins"));
  EXPECT_THAT(with("capture: ctid"), HasSubstr("cursor, xmin, compare"));
  EXPECT_THAT(CaptureMistake(ConfigWith("every: 1s", "capture: xmin", "sqlite:shop.db")),
              HasSubstr("rows of SQLite do not tell which transaction wrote them"));
  for (const std::string table : {"capture: xmin", "capture: compare"}) {
    EXPECT_THAT(CaptureMistake(ConfigWith("every: 1s", table, "postgresql:///shop",
                                          "between: [shop, mirror]")),
                HasSubstr("is for one direction"));
  }
}

}  // namespace
}  // namespace syncline::cli
