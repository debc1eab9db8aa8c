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

bool Moves(std::string_view body, Stamp stamp = Stamp::kMoment) {
  return FunctionMoves(body, "Updated_At", stamp);
}

// Fails when a trigger's name or its mere presence counts: all of these are triggers.
TEST(MovedColumnTest, AFunctionThatSetsTheColumnInEveryUpdateMovesIt) {
  EXPECT_TRUE(Moves("BEGIN NEW.updated_at := now(); RETURN NEW; END"));
  EXPECT_TRUE(Moves("BEGIN NEW.\"updated_at\" = CURRENT_TIMESTAMP; RETURN NEW; END"));
  EXPECT_TRUE(Moves("BEGIN SELECT clock_timestamp() INTO NEW.updated_at; RETURN NEW; END"));
  EXPECT_TRUE(
      Moves("BEGIN IF TG_OP = 'UPDATE' THEN NEW.updated_at := now(); END IF; RETURN NEW; END"));
  EXPECT_TRUE(
      Moves("BEGIN IF TG_OP = 'INSERT' THEN NEW.made := now(); ELSE NEW.updated_at := "
            "now(); END IF; RETURN NEW; END"));
  EXPECT_TRUE(
      Moves("BEGIN IF NEW IS DISTINCT FROM OLD THEN NEW.updated_at := now(); END IF; "
            "RETURN NEW; END"));
  EXPECT_TRUE(
      Moves("BEGIN IF NEW.* IS NOT DISTINCT FROM OLD.* THEN RETURN NEW; END IF; "
            "NEW.updated_at := now(); RETURN NEW; END"));
  EXPECT_TRUE(Moves("BEGIN NEW.updated_at := nextval('v'); RETURN NEW; END", Stamp::kSequence));
  EXPECT_TRUE(
      Moves("BEGIN NEW.updated_at := pg_current_xact_id(); RETURN NEW; END", Stamp::kTransaction));
}

TEST(MovedColumnTest, OneThatMayLeaveItDoesNot) {
  EXPECT_FALSE(Moves("BEGIN INSERT INTO audit VALUES (now()); RETURN NEW; END"));
  EXPECT_FALSE(Moves("BEGIN NEW.other := now(); RETURN NEW; END"));
  EXPECT_FALSE(Moves("BEGIN -- NEW.updated_at := now();\n RETURN NEW; END"));
  EXPECT_FALSE(Moves("BEGIN NEW.updated_at := coalesce(NEW.updated_at, now()); RETURN NEW; END"));
  EXPECT_FALSE(Moves("BEGIN NEW.updated_at := OLD.updated_at; RETURN NEW; END"));
  EXPECT_FALSE(Moves("BEGIN NEW.updated_at := now() - interval '1 day'; RETURN NEW; END"));
  EXPECT_FALSE(
      Moves("BEGIN IF NEW.name <> OLD.name THEN NEW.updated_at := now(); END IF; RETURN NEW; END"));
  EXPECT_FALSE(
      Moves("BEGIN IF TG_OP = 'INSERT' THEN NEW.updated_at := now(); END IF; RETURN NEW; END"));
  EXPECT_FALSE(
      Moves("BEGIN IF current_user = 'x' THEN RETURN NEW; END IF; NEW.updated_at := "
            "now(); RETURN NEW; END"));
  EXPECT_FALSE(
      Moves("BEGIN NEW.updated_at := OLD.updated_at + 1; RETURN NEW; END", Stamp::kSequence));
}

// Each was taken for exact, and lost an update, before the whole function was looked at.
TEST(MovedColumnTest, OneThatMayTakeItBackDoesNot) {
  const std::string set = "BEGIN NEW.updated_at := now(); ";
  EXPECT_TRUE(Moves(set + "NEW.other := 1; RETURN NEW; END"));
  EXPECT_TRUE(Moves(set + "IF NEW.v IS NULL THEN RAISE EXCEPTION 'v'; END IF; RETURN NEW; END"));
  EXPECT_FALSE(Moves(set + "NEW.updated_at := OLD.updated_at; RETURN NEW; END"));
  EXPECT_FALSE(Moves(set + "NEW := OLD; RETURN NEW; END"));
  EXPECT_FALSE(Moves(set + "RETURN OLD; END"));
  EXPECT_FALSE(
      Moves("BEGIN CASE WHEN NEW.v > 1 THEN NEW.updated_at := now(); ELSE NULL; END CASE; RETURN "
            "NEW; END"));
  EXPECT_FALSE(
      Moves("BEGIN BEGIN NEW.updated_at := now(); PERFORM f(); EXCEPTION WHEN OTHERS THEN NULL; "
            "END; RETURN NEW; END"));
  EXPECT_FALSE(Moves("BEGIN NEW.updated_at := greatest(NEW.updated_at, now()); RETURN NEW; END"));
}

TEST(MovedColumnTest, AConditionThatIsNotAboutAnyChangeDoesNotCount) {
  const std::string head = "CREATE TRIGGER t BEFORE UPDATE ON items FOR EACH ROW ";
  EXPECT_TRUE(FiresForEveryChange(head + "EXECUTE FUNCTION f()"));
  EXPECT_TRUE(
      FiresForEveryChange(head + "WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION f()"));
  EXPECT_FALSE(
      FiresForEveryChange(head + "WHEN ((old.v IS DISTINCT FROM new.v)) EXECUTE FUNCTION f()"));
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
