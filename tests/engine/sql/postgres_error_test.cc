#include "engine/sql/postgres/link/postgres_error.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace syncline::sql {
namespace {

Error Translate(const PostgresReport& report) { return TranslatePostgresError(report, "db"); }

TEST(PostgresErrorTest, TheCodeDecidesTheReaction) {
  struct Case {
    const char* code;
    Reaction reaction;
    int exit_code;
  };
  for (const auto& [code, reaction, exit_code] : std::initializer_list<Case>{
           {"08006", Reaction::kRetry, 3},   {"57P01", Reaction::kRetry, 3},
           {"57P03", Reaction::kRetry, 3},   {"53300", Reaction::kRetry, 3},
           {"53100", Reaction::kRetry, 3},   {"58030", Reaction::kRetry, 3},
           {"57014", Reaction::kRetry, 3},   {"25P04", Reaction::kRetry, 3},
           {"57P04", Reaction::kStop, 3},    {"40001", Reaction::kRestart, 1},
           {"40P01", Reaction::kRestart, 1}, {"55P03", Reaction::kRestart, 1},
           {"28P01", Reaction::kStop, 3},    {"28000", Reaction::kStop, 3},
           {"3D000", Reaction::kStop, 3},    {"42501", Reaction::kStop, 3},
           {"42P01", Reaction::kStop, 1},    {"23505", Reaction::kStop, 1},
           {"XX001", Reaction::kDamage, 4},  {"XX000", Reaction::kStop, 3},
           {"P0001", Reaction::kStop, 1},    {"25006", Reaction::kRetry, 3},
           {"", Reaction::kStop, 1}}) {
    const Error error = Translate({.code = code, .message = "m"});
    EXPECT_EQ(error.reaction(), reaction) << code;
    EXPECT_EQ(error.exit_code(), exit_code) << code;
    EXPECT_EQ(error.code(), code);
    EXPECT_EQ(error.hint().empty(), error.code().empty()) << code;
  }
}

// Callers outside of engine/sql go by these alone.
TEST(PostgresErrorTest, TheCodeDecidesTheCondition) {
  for (const auto& [code, condition] : std::initializer_list<std::pair<const char*, Condition>>{
           {"23505", Condition::kUniqueViolation},
           {"23503", Condition::kOther},
           {"3D000", Condition::kNoSuchDatabase},
           {"57P04", Condition::kNoSuchDatabase},
           {"3F000", Condition::kNoSuchRelation},
           {"42P01", Condition::kNoSuchRelation},
           {"42704", Condition::kNoSuchObject},
           {"42883", Condition::kNoSuchObject},
           {"42P10", Condition::kNoMatchingKey},
           {"42501", Condition::kNoPrivilege},
           {"55000", Condition::kWrongState},
           {"40P01", Condition::kDeadlock},
           {"40001", Condition::kOther},
           {"55P03", Condition::kLockTimeout},
           {"XX000", Condition::kOther},
           {"", Condition::kOther}}) {
    EXPECT_EQ(Translate({.code = code, .message = "m"}).condition(), condition) << code;
  }
  EXPECT_EQ(Translate({.code = "XX000", .message = "tuple concurrently updated"}).condition(),
            Condition::kMadeByOthers);
}

// Fails when a name that a trigger does not find looks like a table that is missing.
TEST(PostgresErrorTest, AFunctionThatNeedsASearchPathIsNamed) {
  const auto hint = [](const char* code, const char* context) {
    return Translate({.code = code, .message = "m", .context = context}).hint();
  };
  const char* const plpgsql = "PL/pgSQL function public.log_it() line 3 at SQL statement";
  EXPECT_NE(hint("42P01", plpgsql).find("ALTER FUNCTION public.log_it() SET search_path"),
            std::string::npos);
  EXPECT_NE(hint("42883", "SQL function \"even\" during inlining").find("ALTER FUNCTION even SET"),
            std::string::npos);
  EXPECT_EQ(hint("42P01", "").find("ALTER FUNCTION"), std::string::npos);
  EXPECT_EQ(hint("23505", plpgsql).find("ALTER FUNCTION"), std::string::npos);
}

// Fails when the message of a conversion error is passed on as it is.
TEST(PostgresErrorTest, WhatAConversionErrorQuotesIsLeftOut) {
  EXPECT_EQ(
      Translate({.code = "22P02", .message = "invalid input syntax for type integer: \"a \" b\""})
          .message(),
      "db: invalid input syntax for type integer: \"...\"");
  EXPECT_EQ(
      Translate({.code = "22003", .message = "value \"99999\" is out of range for type smallint"})
          .message(),
      "db: value \"...\" is out of range for type smallint");
  EXPECT_EQ(Translate({.code = "42P01", .message = "relation \"items\" does not exist"}).message(),
            "db: relation \"items\" does not exist");
}

TEST(PostgresErrorTest, TheContextOfACopyGivesLineAndColumnAndNoValue) {
  const PostgresReport report = {.code = "22P02",
                                 .message = "invalid input syntax for type integer: \"secret\"",
                                 .context = "COPY items, line 3, column price: \"secret\""};
  EXPECT_EQ(CopyLine(report), 3u);
  EXPECT_EQ(Translate(report).message(),
            "db: invalid input syntax for type integer: \"...\", column price");
  EXPECT_EQ(CopyLine({.context = "SQL statement \"x\", line 3"}), 0u);
  EXPECT_EQ(CopyLine({}), 0u);
}

}  // namespace
}  // namespace syncline::sql
