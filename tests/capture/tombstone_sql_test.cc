#include "capture/plan/tombstone_sql.h"

#include <gtest/gtest.h>

namespace syncline::capture {
namespace {

TEST(TombstoneSqlTest, NamesFitAndStayApart) {
  EXPECT_EQ(TombstoneTable({"sales", "items"}).ToString(), "sales.syncline_tombstones_items");
  const std::string fits(43, 'x');
  EXPECT_EQ(TombstoneTable({"s", fits}).name, "syncline_tombstones_" + fits);
  const TableName a = TombstoneTable({"s", fits + "a"});
  const TableName b = TombstoneTable({"s", fits + "b"});
  EXPECT_EQ(a.name.size(), 63u);
  EXPECT_NE(a, b);
  EXPECT_TRUE(IsTombstoneTable(a));
  // Seen to fail when a name is cut in the middle of a letter.
  std::string umlauts;
  for (int i = 0; i < 30; ++i) umlauts += "ä";
  for (const std::string& name : {umlauts, "x" + umlauts}) {
    const std::string cut = TombstoneTable({"s", name}).name;
    const size_t hash = cut.rfind('_');
    EXPECT_LE(cut.size(), 63u);
    EXPECT_EQ(cut.substr(hash - 2, 2), "ä") << cut;
  }
}

TEST(TombstoneSqlTest, WhatSqliteShowsIsWhatIsMade) {
  const TombstoneShape shape{.dialect = Dialect::kSqlite,
                             .table = {"", "it\"ems"},
                             .key = {{"a b", Type::kInt, "INTEGER", false}},
                             .other_keys = {{"code", "kind"}}};
  const std::vector<TombstoneTrigger> triggers = TombstoneTriggers(shape);
  ASSERT_EQ(triggers.size(), 4u);
  EXPECT_EQ(triggers[1].sql,
            "CREATE TRIGGER \"syncline_tombstones_it\"\"ems_update\" AFTER UPDATE ON \"it\"\"ems\" "
            "WHEN OLD.\"a b\" IS NOT NEW.\"a b\" BEGIN INSERT INTO "
            "\"syncline_tombstones_it\"\"ems\" (\"a b\") VALUES (OLD.\"a b\"); END");
  EXPECT_NE(
      triggers[2].sql.text().find("WHERE \"code\" = NEW.\"code\" AND \"kind\" = NEW.\"kind\""),
      std::string::npos);
}

}  // namespace
}  // namespace syncline::capture
