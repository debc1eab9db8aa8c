#include "capture/trigger_function.h"

#include <gtest/gtest.h>

#include <string>

#include "capture/sql_words.h"

namespace syncline::capture {
namespace {

constexpr RowEvent kUpdate = RowEvent::kUpdate, kInsert = RowEvent::kInsert;

Touch TouchOf(std::string_view body, RowEvent event = kUpdate) {
  return FunctionTouch(body, "Updated_At", Stamp::kMoment, event);
}
bool Moves(std::string_view body, const Stamp& stamp = Stamp::kMoment) {
  return FunctionTouch(body, "Updated_At", stamp, kUpdate) == Touch::kStamps;
}

// Fails when a trigger's name or its mere presence counts: all of these are triggers.
TEST(TriggerFunctionTest, AFunctionThatSetsTheColumnInEveryUpdateMovesIt) {
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

TEST(TriggerFunctionTest, OneThatMayLeaveItDoesNot) {
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
TEST(TriggerFunctionTest, OneThatMayTakeItBackDoesNot) {
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

// Each was taken for exact, or hid a trigger that was.
TEST(TriggerFunctionTest, WhatElseATriggerGives) {
  EXPECT_EQ(TouchOf("BEGIN RETURN NEW; END"), Touch::kLeaves);
  EXPECT_EQ(TouchOf("BEGIN IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END"),
            Touch::kLeaves);
  EXPECT_EQ(TouchOf("BEGIN INSERT INTO audit SELECT NEW.*; INSERT INTO audit(t) VALUES "
                    "(NEW.updated_at); RETURN coalesce(NEW, OLD); END"),
            Touch::kLeaves);
  EXPECT_EQ(TouchOf("DECLARE x int; BEGIN SELECT a INTO x FROM t WHERE t.u = NEW.updated_at; IF "
                    "NEW.updated_at = x THEN RETURN NULL; END IF; RETURN NEW; END"),
            Touch::kLeaves);
  EXPECT_EQ(TouchOf("BEGIN NEW.updated_at := OLD.updated_at; RETURN NEW; END"), Touch::kTakesBack);
  EXPECT_EQ(TouchOf("BEGIN IF NEW.v IS NULL THEN NEW := OLD; END IF; RETURN NEW; END"),
            Touch::kTakesBack);
  for (const char* body :
       {"BEGIN NEW.updated_at := coalesce(NEW.updated_at, now()); RETURN NEW; END",
        "BEGIN NEW := f(NEW); RETURN NEW; END", "BEGIN RETURN f(NEW); END",
        "BEGIN SELECT a, b INTO NEW.v, NEW.updated_at FROM t; RETURN NEW; END",
        "BEGIN SELECT * INTO STRICT NEW FROM t; RETURN NEW; END",
        "BEGIN EXECUTE 'SELECT ($1).*' INTO NEW USING NEW; RETURN NEW; END",
        "BEGIN CALL p(NEW.updated_at); RETURN NEW; END",
        "DECLARE r ALIAS FOR NEW; BEGIN r.updated_at := NULL; RETURN NEW; END",
        "BEGIN FOR NEW IN SELECT * FROM t LOOP NULL; END LOOP; RETURN NEW; END",
        "BEGIN NEW.updated_at := now()::date; RETURN NEW; END",
        "BEGIN NEW.updated_at := current_date; RETURN NEW; END",
        "BEGIN NEW.updated_at := localtimestamp; RETURN NEW; END",
        "BEGIN NEW.updated_at := to_timestamp(floor(extract(epoch from now()))); RETURN NEW; "
        "END"}) {
    EXPECT_EQ(TouchOf(body), Touch::kOther) << body;
  }
}

TEST(TriggerFunctionTest, BranchesAndLoops) {
  const std::string stamp = "NEW.updated_at := now(); ";
  EXPECT_TRUE(Moves("BEGIN IF TG_OP = 'INSERT' THEN NEW.made := 1; ELSIF TG_OP = 'UPDATE' THEN " +
                    stamp + "END IF; RETURN NEW; END"));
  EXPECT_TRUE(Moves("BEGIN FOR r IN SELECT 1 LOOP NULL; END LOOP; " + stamp + "RETURN NEW; END"));
  EXPECT_EQ(TouchOf("BEGIN IF TG_OP = 'UPDATE' THEN NULL; ELSIF a THEN NULL; ELSE " + stamp +
                    "END IF; RETURN NEW; END"),
            Touch::kLeaves);
  for (const std::string& body :
       {"BEGIN FOR r IN SELECT 1 LOOP " + stamp + "END LOOP; RETURN NEW; END",
        "BEGIN IF a THEN RETURN NEW; END IF; " + stamp + "RETURN NEW; END",
        "BEGIN IF a THEN NULL; ELSIF TG_OP = 'UPDATE' THEN " + stamp + "END IF; RETURN NEW; END",
        "<<b>> BEGIN EXIT b; " + stamp + "RETURN NEW; END"}) {
    EXPECT_EQ(TouchOf(body), Touch::kMayStamp) << body;
  }
}

TEST(TriggerFunctionTest, AnInsertHasAnOperationAndNoOldRow) {
  const auto insert = [](const std::string& body) {
    return TouchOf("BEGIN " + body + " RETURN NEW; END", kInsert);
  };
  EXPECT_EQ(insert("NEW.updated_at := now();"), Touch::kStamps);
  EXPECT_EQ(insert("IF TG_OP = 'UPDATE' THEN NEW.updated_at := now(); END IF;"), Touch::kLeaves);
  EXPECT_EQ(insert("IF TG_OP IN ('INSERT', 'UPDATE') THEN NEW.updated_at := now(); END IF;"),
            Touch::kStamps);
  EXPECT_EQ(insert("IF NEW IS DISTINCT FROM OLD THEN NEW.updated_at := now(); END IF;"),
            Touch::kMayStamp);
}

TEST(TriggerFunctionTest, ExpressionsThatAreTheStampAndNothingElse) {
  const auto gives = [](std::string_view text, const Stamp& stamp) {
    return GivesStamp(SqlWords(text), stamp);
  };
  for (const char* moment :
       {"now()", "(pg_catalog.now())", "CURRENT_TIMESTAMP(3)", "clock_timestamp()::timestamptz(0)",
        "(now())::timestamp(3) with time zone"}) {
    EXPECT_TRUE(gives(moment, Stamp::kMoment)) << moment;
  }
  for (const char* other : {"now() + '01:00'", "now()::date", "now()::timestamp", "f(now())",
                            "now() AT TIME ZONE 'UTC'", "other.now()", "now", "CURRENT_DATE"}) {
    EXPECT_FALSE(gives(other, Stamp::kMoment)) << other;
  }
  EXPECT_TRUE(gives("localtimestamp", Stamp::kLocalTime));
  EXPECT_TRUE(gives("(now())::timestamp without time zone", Stamp::kLocalTime));
  EXPECT_FALSE(gives("CURRENT_DATE", Stamp::kLocalTime));
  EXPECT_TRUE(gives("CURRENT_DATE", Stamp::kDay));
  EXPECT_TRUE(gives("nextval('public.v'::regclass)", {Stamp::kSequence, "public.v"}));
  EXPECT_TRUE(gives("nextval('v')", {Stamp::kSequence, "public.v"}));
  EXPECT_FALSE(gives("nextval('w')", {Stamp::kSequence, "public.v"}));
  EXPECT_FALSE(gives("nextval('v') % 10", Stamp::kSequence));
  EXPECT_TRUE(gives("pg_current_xact_id()", Stamp::kTransaction));
}

TEST(TriggerFunctionTest, AConditionThatIsNotAboutAnyChangeDoesNotCount) {
  const std::string head = "CREATE TRIGGER t BEFORE UPDATE ON items FOR EACH ROW ";
  EXPECT_TRUE(FiresForEveryChange(head + "EXECUTE FUNCTION f()", kUpdate));
  EXPECT_TRUE(FiresForEveryChange(
      head + "WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION f()", kUpdate));
  EXPECT_FALSE(FiresForEveryChange(
      head + "WHEN ((old.v IS DISTINCT FROM new.v)) EXECUTE FUNCTION f()", kUpdate));
}

}  // namespace
}  // namespace syncline::capture
