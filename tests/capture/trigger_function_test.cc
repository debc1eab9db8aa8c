#include "capture/guarantees/trigger_function.h"

#include <gtest/gtest.h>

#include <string>

#include "capture/guarantees/sql_words.h"

namespace syncline::capture {
namespace {

constexpr RowEvent kUpdate = RowEvent::kUpdate, kInsert = RowEvent::kInsert;

Touch TouchOf(std::string_view body, RowEvent event = kUpdate) {
  return FunctionTouch(body, "updated_at", Stamp::kMoment, event);
}
bool Moves(std::string_view body, const Stamp& stamp = Stamp::kMoment) {
  return FunctionTouch(body, "updated_at", stamp, kUpdate) == Touch::kStamps;
}

// Fails when a trigger's name or its mere presence counts: all of these are triggers.
TEST(TriggerFunctionTest, AFunctionThatSetsTheColumnInEveryUpdateMovesIt) {
  EXPECT_TRUE(Moves("BEGIN NEW.updated_at := now(); RETURN NEW; END"));
  EXPECT_TRUE(Moves("BEGIN NEW.\"updated_at\" = CURRENT_TIMESTAMP; RETURN NEW; END"));
  EXPECT_TRUE(
      Moves("BEGIN IF TG_OP = 'UPDATE' THEN NEW.updated_at := now(); END IF; RETURN NEW; END"));
  EXPECT_TRUE(
      Moves("BEGIN IF TG_OP = 'INSERT' THEN NEW.made := now(); ELSE NEW.updated_at := "
            "now(); END IF; RETURN NEW; END"));
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

// Rows that are equal by their types may be stored in other ways: citext, numeric, interval. Seen
// to fail when each was taken for every change: the update was lost.
TEST(TriggerFunctionTest, RowsThatAreComparedAreNotEveryChange) {
  const std::string stamp = "NEW.updated_at := now(); ";
  for (const std::string& body :
       {"BEGIN IF NEW IS DISTINCT FROM OLD THEN " + stamp + "END IF; RETURN NEW; END",
        "BEGIN IF (NEW <> OLD) THEN " + stamp + "END IF; RETURN NEW; END",
        "BEGIN IF OLD.* *<> NEW.* THEN " + stamp + "END IF; NEW.w := 1; RETURN NEW; END",
        "BEGIN IF NEW.* IS NOT DISTINCT FROM OLD.* THEN RETURN NEW; END IF; " + stamp +
            "RETURN NEW; END"}) {
    EXPECT_EQ(TouchOf(body), Touch::kStampsChanged) << body;
  }
  EXPECT_EQ(TouchOf("BEGIN IF NEW IS DISTINCT FROM NEW THEN " + stamp + "END IF; RETURN NEW; END"),
            Touch::kMayStamp);
  EXPECT_EQ(
      TouchOf("BEGIN IF NEW.v IS DISTINCT FROM OLD.v THEN " + stamp + "END IF; RETURN NEW; END"),
      Touch::kMayStamp);
}

// Each is a function that PostgreSQL takes and that does not stamp. Seen to fail when comments
// ended early, texts and names lost their case, and what stood in dollar quotes counted.
TEST(TriggerFunctionTest, WhatOnlyLooksLikeAStampIsNone) {
  for (const char* body :
       {"BEGIN IF tg_op = 'update' THEN NEW.updated_at := now(); END IF; RETURN NEW; END",
        "BEGIN /* off: /* stamp */ NEW.updated_at := now(); */ RETURN NEW; END",
        "BEGIN PERFORM $m$; NEW.updated_at := now(); $m$; RETURN NEW; END",
        "BEGIN PERFORM E'\\'; NEW.updated_at := now(); --'; RETURN NEW; END",
        "BEGIN PERFORM '\\'; NEW.updated_at := now(); --'; RETURN NEW; END",
        "DECLARE n ALIAS FOR NEW; BEGIN NEW.updated_at := now(); n.updated_at := OLD.updated_at; "
        "RETURN NEW; END",
        "BEGIN NEW.\"Updated_At\" := now(); RETURN NEW; END",
        "BEGIN NEW.updated_at := now(); PERFORM set_config('search_path', 's', true); RETURN NEW; "
        "END",
        "BEGIN NEW.v := f(); NEW.updated_at := now(); RETURN NEW; END",
        "BEGIN NEW.v := s.lower(NEW.v); NEW.updated_at := now(); RETURN NEW; END",
        "BEGIN SELECT clock_timestamp() INTO NEW.updated_at; RETURN NEW; END",
        "BEGIN NEW.updated_at := now(); EXECUTE 'x'; RETURN NEW; END",
        "BEGIN NEW.updated_at := \"Now\"(); RETURN NEW; END"}) {
    EXPECT_FALSE(Moves(body)) << body;
  }
  EXPECT_EQ(FunctionTouch("BEGIN NEW.updated_at := now(); RETURN NEW; END", "Updated_At",
                          Stamp::kMoment, kUpdate),
            Touch::kLeaves);
  EXPECT_EQ(FunctionTouch("BEGIN NEW.\"Updated_At\" := now(); RETURN NEW; END", "Updated_At",
                          Stamp::kMoment, kUpdate),
            Touch::kStamps);
}

// Seen to fail when the first function of the search path was taken for pg_catalog's.
TEST(TriggerFunctionTest, WhereOthersHaveTheNameItHasToBeQualified) {
  Stamp stamp = Stamp::kMoment;
  stamp.qualified = true;
  EXPECT_FALSE(Moves("BEGIN NEW.updated_at := now(); RETURN NEW; END", stamp));
  EXPECT_FALSE(
      Moves("BEGIN NEW.updated_at := pg_catalog.now()::timestamptz; RETURN NEW; END", stamp));
  EXPECT_TRUE(Moves("BEGIN NEW.updated_at := pg_catalog.now(); RETURN NEW; END", stamp));
  EXPECT_TRUE(Moves("BEGIN NEW.updated_at := current_timestamp; RETURN NEW; END", stamp));
}

// Each was taken for exact, or hid a trigger that was.
TEST(TriggerFunctionTest, WhatElseATriggerGives) {
  EXPECT_EQ(TouchOf("BEGIN RETURN NEW; END"), Touch::kLeaves);
  EXPECT_EQ(TouchOf("BEGIN IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END"),
            Touch::kLeaves);
  EXPECT_EQ(TouchOf("BEGIN INSERT INTO audit SELECT NEW.*; INSERT INTO audit(t) VALUES "
                    "(NEW.updated_at); RETURN coalesce(NEW, OLD); END"),
            Touch::kSeemsToLeave);
  EXPECT_EQ(TouchOf("DECLARE x int; BEGIN SELECT a INTO x FROM t WHERE t.u = NEW.updated_at; IF "
                    "NEW.updated_at = x THEN RETURN NULL; END IF; RETURN NEW; END"),
            Touch::kSeemsToLeave);
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
  EXPECT_FALSE(Moves("BEGIN FOR r IN SELECT 1 LOOP NULL; END LOOP; " + stamp + "RETURN NEW; END"));
  EXPECT_TRUE(Moves("BEGIN IF a THEN " + stamp + "ELSE " + stamp + "END IF; RETURN NEW; END"));
  EXPECT_EQ(TouchOf("BEGIN IF TG_OP = 'UPDATE' THEN NULL; ELSIF a THEN NULL; ELSE " + stamp +
                    "END IF; RETURN NEW; END"),
            Touch::kLeaves);
  for (const std::string& body :
       {"BEGIN IF a THEN RETURN NEW; END IF; " + stamp + "RETURN NEW; END",
        "BEGIN IF a THEN NULL; ELSIF TG_OP = 'UPDATE' THEN " + stamp + "END IF; RETURN NEW; END"}) {
    EXPECT_EQ(TouchOf(body), Touch::kMayStamp) << body;
  }
  for (const std::string& body :
       {"BEGIN FOR r IN SELECT 1 LOOP " + stamp + "END LOOP; RETURN NEW; END",
        "<<b>> BEGIN EXIT b; " + stamp + "RETURN NEW; END"}) {
    EXPECT_EQ(TouchOf(body), Touch::kOther) << body;
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
    return GivesStamp(SqlWords(text, kPostgresWords), stamp);
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
  const Stamp sequence(Stamp::kSequence, {"public.v", "v"});
  EXPECT_TRUE(gives("nextval('public.v'::regclass)", sequence));
  EXPECT_TRUE(gives("nextval('v')", sequence));
  EXPECT_FALSE(gives("nextval('w')", sequence));
  EXPECT_FALSE(gives("nextval('V')", sequence));
  EXPECT_FALSE(gives("nextval('v') % 10", Stamp::kSequence));
  EXPECT_TRUE(gives("pg_current_xact_id()", Stamp::kTransaction));
}

TEST(TriggerFunctionTest, WhenATriggerFires) {
  const auto when = [](const std::string& condition, RowEvent event = kUpdate) {
    return FiresWhen("CREATE TRIGGER t BEFORE UPDATE ON \"when\" FOR EACH ROW " + condition +
                         "EXECUTE FUNCTION f()",
                     event);
  };
  EXPECT_EQ(when(""), Fires::kAlways);
  EXPECT_EQ(when("WHEN ((old.* IS DISTINCT FROM new.*)) "), Fires::kRowDistinct);
  EXPECT_EQ(when("WHEN ((old.* *<> new.*)) "), Fires::kRowStored);
  EXPECT_EQ(when("WHEN ((old.* *<> new.*)) ", kInsert), Fires::kSometimes);
  EXPECT_EQ(when("WHEN ((old.* IS NOT DISTINCT FROM new.*)) "), Fires::kSometimes);
  EXPECT_EQ(when("WHEN ((old.v IS DISTINCT FROM new.v)) "), Fires::kSometimes);
}

}  // namespace
}  // namespace syncline::capture
