#include "capture/moved_column.h"

#include <gtest/gtest.h>

#include "capture/sql_words.h"

namespace syncline::capture {
namespace {

TEST(SqlWordsTest, NamesTextsAndSymbolsAreTakenApartAndCommentsLeftOut) {
  EXPECT_EQ(SqlWords("NEW.\"Odd \"\"name\" := 'It''s' -- now()\n + x /* ; */ [a b]"),
            (std::vector<std::string>{"new", ".", "odd \"name", ":=", "'it's", "+", "x", "a b"}));
  EXPECT_EQ(SqlWords("'open"), std::vector<std::string>{"'open"});
  EXPECT_EQ(SqlWords("/* open"), std::vector<std::string>{});
}

SqliteMove Sqlite(const std::string& event, const std::string& set, const std::string& when = "") {
  return MoveOf("CREATE TRIGGER [stamp on] AFTER " + event + " ON Items FOR EACH ROW " + when +
                    " BEGIN UPDATE items SET n = n, updated_at = " + set +
                    " WHERE id = NEW.id; END",
                "items", "updated_at");
}

TEST(MovedColumnTest, ATriggerOfSqliteThatStampsTheRow) {
  EXPECT_TRUE(Sqlite("UPDATE", "strftime('%Y-%m-%d %H:%M:%f', 'now')").on_update);
  EXPECT_TRUE(
      Sqlite("UPDATE", "CURRENT_TIMESTAMP", "WHEN NEW.updated_at = OLD.updated_at").on_update);
  EXPECT_TRUE(Sqlite("UPDATE", "unixepoch()").on_update);
  EXPECT_TRUE(Sqlite("UPDATE", "(SELECT max(updated_at) + 1 FROM items)").on_update);
  EXPECT_TRUE(
      Sqlite("UPDATE", "CURRENT_TIMESTAMP", "WHEN NEW.updated_at = OLD.updated_at").guarded);
  EXPECT_TRUE(Sqlite("INSERT", "datetime('now')").on_insert);
  EXPECT_FALSE(Sqlite("INSERT", "datetime('now')").on_update);
  EXPECT_FALSE(Sqlite("UPDATE OF name", "datetime('now')").on_update);
  EXPECT_FALSE(Sqlite("UPDATE", "datetime('now')", "WHEN NEW.name <> OLD.name").on_update);
  EXPECT_FALSE(Sqlite("UPDATE", "OLD.updated_at + 1").on_update);
  EXPECT_TRUE(Sqlite("UPDATE", "datetime('now', 'localtime')").local_time);
  EXPECT_FALSE(Sqlite("UPDATE", "datetime('now')").local_time);
  EXPECT_FALSE(MoveOf("CREATE TRIGGER t AFTER UPDATE ON items BEGIN UPDATE others SET updated_at = "
                      "datetime('now'); END",
                      "items", "updated_at")
                   .on_update);
}

// Each was taken for exact, and lost an update or could.
TEST(MovedColumnTest, ATriggerOfSqliteThatStampsCoarselyOrAnotherRow) {
  for (const char* set :
       {"date('now')", "time('now')", "CURRENT_DATE", "datetime('now', '-1 hour')",
        "strftime('%Y-%m-%d', 'now')", "datetime('now', 'start of day')"}) {
    EXPECT_FALSE(Sqlite("UPDATE", set).on_update) << set;
  }
  const auto where = [](const std::string& condition) {
    return MoveOf(
               "CREATE TRIGGER t AFTER UPDATE ON items BEGIN UPDATE items SET updated_at = "
               "datetime('now') WHERE " +
                   condition + "; END",
               "items", "updated_at")
        .on_update;
  };
  for (const char* own : {"id = NEW.id", "NEW.id = id", "\"id\" IS NEW.\"id\"",
                          "(a = OLD.a AND b = NEW.b)", "rowid = new.rowid"}) {
    EXPECT_TRUE(where(own)) << own;
  }
  for (const char* other :
       {"id = OLD.id + 1", "id = NEW.other", "id = NEW.id AND NEW.v IS NOT NULL", "id = 7",
        "id > NEW.id", "NEW.id = OLD.id", "id = NEW.id OR 1"}) {
    EXPECT_FALSE(where(other)) << other;
  }
}

// Each was taken for exact, and lost a change.
TEST(MovedColumnTest, ATriggerOfSqliteThatGivesSomethingElse) {
  EXPECT_TRUE(Sqlite("UPDATE", "OLD.updated_at").other);
  EXPECT_TRUE(Sqlite("UPDATE OF name", "NEW.stamp").other);
  EXPECT_TRUE(Sqlite("UPDATE", "(SELECT since FROM settings)").other);
  EXPECT_TRUE(Sqlite("UPDATE", "datetime('now'); UPDATE items SET updated_at = 7").other);
  EXPECT_FALSE(Sqlite("UPDATE", "datetime('now')").other);
  EXPECT_FALSE(MoveOf("CREATE TRIGGER t BEFORE UPDATE ON items BEGIN UPDATE items SET updated_at = "
                      "datetime('now') WHERE id = NEW.id; END",
                      "items", "updated_at")
                   .on_update);
}

TEST(MovedColumnTest, NamesOfCreationTimes) {
  for (const char* name : {"created_at", "CreatedOn", "date_created", "creation_date",
                           "inserted_at", "row_inserted"}) {
    EXPECT_TRUE(IsCreationName(name)) << name;
  }
  for (const char* name : {"updated_at", "modified", "last_change", "recreation"}) {
    EXPECT_EQ(IsCreationName(name), std::string_view(name) == "recreation") << name;
  }
}

}  // namespace
}  // namespace syncline::capture
