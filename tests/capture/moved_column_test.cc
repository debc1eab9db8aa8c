#include "capture/guarantees/moved_column.h"

#include <gtest/gtest.h>

#include "capture/guarantees/sql_words.h"

namespace syncline::capture {
namespace {

using Words = std::vector<std::string>;

TEST(SqlWordsTest, NamesTextsAndSymbolsAreTakenApartAndCommentsLeftOut) {
  EXPECT_EQ(SqlWords("NEW.\"Odd \"\"name\" := 'It''s' -- now()\n + x /* ; */", kPostgresWords),
            (Words{"new", ".", "\"Odd \"name", ":=", "'It's", "+", "x"}));
  EXPECT_EQ(SqlWords("[a b] `C`", kSqliteWords), (Words{"\"a b", "\"C"}));
}

// Seen to fail when a comment ended at its first end, and when dollar quotes were code.
TEST(SqlWordsTest, PostgresHasCommentsInCommentsAndQuotesOfDollars) {
  const auto words = [](std::string_view text) { return SqlWords(text, kPostgresWords); };
  EXPECT_EQ(words("a /* b /* c */ d */ e"), (Words{"a", "e"}));
  EXPECT_EQ(SqlWords("a /* b /* c */ d", kSqliteWords), (Words{"a", "d"}));
  EXPECT_EQ(words("a $x$ b $$ c $x$ d"), (Words{"a", "?", "d"}));
  EXPECT_EQ(words("a$x$ b"), (Words{"a$x$", "b"}));
  EXPECT_EQ(words("f($1)"), (Words{"f", "(", "?", "1", ")"}));
  EXPECT_EQ(words("a E'\\'; b' c"), (Words{"a", "?", "c"}));
  EXPECT_EQ(words("a '\\' b"), (Words{"a", "?", "b"}));
  for (const char* open : {"'open", "/* open", "/* a /* b */", "\"open", "$$open", "E'open"}) {
    EXPECT_EQ(words(open), Words{"?"}) << open;
  }
}

const SqliteTable kItemsTable{
    .name = "items", .column = "updated_at", .key = {"id"}, .has_rowid = true};

SqliteMove Sqlite(const std::string& event, const std::string& set, const std::string& when = "",
                  const std::string& where = "id = NEW.id",
                  const SqliteTable& table = kItemsTable) {
  return MoveOf("CREATE TRIGGER [stamp on] AFTER " + event + " ON Items FOR EACH ROW " + when +
                    " BEGIN UPDATE items SET \"Updated_At\" = " + set + " WHERE " + where + "; END",
                table);
}

TEST(MovedColumnTest, ATriggerOfSqliteThatStampsTheRow) {
  for (const char* set : {"strftime('%Y-%m-%d %H:%M:%f', 'now')", "CURRENT_TIMESTAMP",
                          "unixepoch()", "(datetime('now'))", "unixepoch('now', 'subsec')",
                          "julianday('now')", "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"}) {
    EXPECT_TRUE(Sqlite("UPDATE", set).on_update) << set;
    EXPECT_FALSE(Sqlite("UPDATE", set).other) << set;
  }
  EXPECT_TRUE(
      Sqlite("UPDATE", "CURRENT_TIMESTAMP", "WHEN NEW.updated_at = OLD.updated_at").on_update);
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
                      kItemsTable)
                   .on_update);
}

// Fails when a table that is only read counts as written to, or one that is named with its schema
// or after OR REPLACE does not.
TEST(MovedColumnTest, WhetherATriggerWritesItsOwnTable) {
  const auto writes = [](const std::string& body) {
    return MoveOf("CREATE TRIGGER t AFTER UPDATE ON items BEGIN " + body + "; END", kItemsTable)
        .writes_table;
  };
  EXPECT_FALSE(writes("INSERT INTO history SELECT id, name, price, made FROM items"));
  EXPECT_FALSE(writes("DELETE FROM others WHERE id IN (SELECT id FROM items)"));
  EXPECT_TRUE(writes("UPDATE items SET name = 'x'"));
  EXPECT_TRUE(writes("UPDATE OR REPLACE main.items SET name = 'x'"));
  EXPECT_TRUE(writes("INSERT OR REPLACE INTO main.\"Items\" SELECT * FROM others"));
}

// A number above the highest one is lower than one that was there and is gone.
TEST(MovedColumnTest, NumbersThatCountUp) {
  const SqliteMove move = Sqlite("UPDATE", "(SELECT max(updated_at) + 1 FROM items)");
  EXPECT_TRUE(move.on_update);
  EXPECT_TRUE(move.counted);
  EXPECT_FALSE(move.other);
  EXPECT_FALSE(Sqlite("UPDATE", "unixepoch()").counted);
}

// Each was taken for exact, and lost an update or could: a 'now' anywhere in the value was enough.
TEST(MovedColumnTest, ATriggerOfSqliteThatGivesNoMomentOrPerhapsNone) {
  for (const char* set :
       {"date('now')", "time('now')", "CURRENT_DATE", "datetime('now', '-1 hour')",
        "strftime('%Y-%m-%d', 'now')", "datetime('now', 'start of day')",
        "coalesce(NEW.updated_at, datetime('now'))", "ifnull(NEW.updated_at, CURRENT_TIMESTAMP)",
        "min(datetime('now'), NEW.updated_at)",
        "CASE WHEN NEW.v = 'z' THEN OLD.updated_at ELSE datetime('now') END",
        "datetime('now', NEW.grp || ' hours')", "strftime('%Y-%m-%d %H:%M:%S', 'now', 'utc')",
        "(SELECT datetime('now') FROM flag)", "strftime('%d.%m.%Y %H:%M:%S', 'now')",
        "strftime('%Y-%m-%d %H:%M:%s', 'now')", "datetime(\"now\")", "datetime('now') || ''"}) {
    EXPECT_FALSE(Sqlite("UPDATE", set).on_update) << set;
    EXPECT_TRUE(Sqlite("UPDATE", set).other) << set;
  }
}

// Seen to fail with OLD's key, which a change of the key leaves behind, and with a column that may
// be NULL.
TEST(MovedColumnTest, ATriggerOfSqliteHasToFindItsOwnRow) {
  SqliteTable pair = kItemsTable;
  pair.key = {"a", "b"};
  const auto where = [](const std::string& condition, const SqliteTable& table = kItemsTable) {
    return Sqlite("UPDATE", "datetime('now')", "", condition, table).on_update;
  };
  for (const char* own : {"id = NEW.id", "NEW.id = id", "\"id\" IS NEW.\"ID\"", "(id = NEW.id)",
                          "rowid = new.rowid"}) {
    EXPECT_TRUE(where(own)) << own;
  }
  EXPECT_TRUE(where("b = NEW.b AND a = NEW.a", pair));
  EXPECT_FALSE(where("a = NEW.a", pair));
  EXPECT_FALSE(where("a = NEW.a AND a = NEW.a", pair));
  for (const char* other : {"id = OLD.id", "id = OLD.id + 1", "id = NEW.other",
                            "id = NEW.id AND NEW.v IS NOT NULL", "id = 7", "id > NEW.id",
                            "NEW.id = OLD.id", "id = NEW.id OR 1", "v = NEW.v", "'id' = NEW.id"}) {
    EXPECT_FALSE(where(other)) << other;
  }
  pair.key_has_null = true;
  pair.has_rowid = false;
  EXPECT_FALSE(where("a = NEW.a AND b = NEW.b", pair));
  EXPECT_TRUE(where("a IS NEW.a AND b IS NEW.b", pair));
  EXPECT_FALSE(where("rowid = NEW.rowid", pair));
}

// Each was taken for exact, and lost a change.
TEST(MovedColumnTest, ATriggerOfSqliteThatDoesMoreThanStamp) {
  EXPECT_TRUE(Sqlite("UPDATE", "OLD.updated_at").other);
  EXPECT_TRUE(Sqlite("UPDATE OF name", "NEW.stamp").other);
  EXPECT_TRUE(Sqlite("UPDATE", "(SELECT since FROM settings)").other);
  EXPECT_FALSE(Sqlite("UPDATE", "datetime('now')").other);
  const auto body = [](const std::string& text) {
    return MoveOf("CREATE TRIGGER t AFTER UPDATE ON items BEGIN " + text + " END", kItemsTable);
  };
  const std::string stamp = "UPDATE items SET updated_at = datetime('now') WHERE id = NEW.id;";
  EXPECT_TRUE(body(stamp).on_update);
  EXPECT_FALSE(body("SELECT RAISE(IGNORE) WHERE NEW.v = 'new'; " + stamp).on_update);
  EXPECT_TRUE(body("SELECT RAISE(IGNORE) WHERE NEW.v = 'new';").ignores);
  EXPECT_FALSE(body(stamp + " UPDATE items SET updated_at = 7;").on_update);
  EXPECT_TRUE(body("UPDATE items SET (v, updated_at) = (1, OLD.updated_at);").writes_table);
  EXPECT_TRUE(body("INSERT OR REPLACE INTO items VALUES (1);").writes_table);
  EXPECT_FALSE(body("INSERT INTO audit VALUES (NEW.id);").writes_table);
  EXPECT_TRUE(body("INSERT INTO audit VALUES (NEW.id);").writes);
  EXPECT_FALSE(
      MoveOf("CREATE TRIGGER t BEFORE UPDATE ON items BEGIN " + stamp + " END", kItemsTable)
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
