#include "apply/plan/narrowing.h"

#include <gtest/gtest.h>

#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

std::string Becomes(const char* source, const char* target, Dialect from = Dialect::kPostgres,
                    Dialect to = Dialect::kPostgres) {
  const Column a{"c", sql::TypeOf(source, from), source};
  const Column b{"c", sql::TypeOf(target, to), target};
  return LossOf(a, from, b, to).value_or("");
}

// Each of them was taken for a column that holds everything.
TEST(NarrowingTest, WhatATypeOfPostgresRoundsOrCuts) {
  EXPECT_EQ(Becomes("numeric", "numeric(10,2)"), "rounded to 2 digits behind the point");
  EXPECT_EQ(Becomes("numeric(10,3)", "numeric(10)"), "rounded to whole numbers");
  EXPECT_EQ(Becomes("integer", "numeric(4,-2)"), "rounded to multiples of 1 with 2 zeros");
  EXPECT_EQ(Becomes("double precision", "real"), "rounded to about 6 digits");
  EXPECT_EQ(Becomes("bigint", "double precision"), "rounded to about 15 digits");
  EXPECT_EQ(Becomes("integer", "real"), "rounded to about 6 digits");
  EXPECT_EQ(Becomes("timestamp with time zone", "timestamp(0) with time zone"),
            "rounded to whole seconds");
  EXPECT_EQ(Becomes("timestamp(3) without time zone", "timestamp(1) without time zone"),
            "rounded to 1 digit of a second");
  EXPECT_EQ(Becomes("timestamp with time zone", "date"), "cut to the day");
  EXPECT_EQ(Becomes("time without time zone", "time(3) without time zone"),
            "rounded to 3 digits of a second");
  EXPECT_EQ(Becomes("time with time zone", "time without time zone"), "taken without its offset");
  EXPECT_EQ(Becomes("interval", "interval year to month"), "cut below the month");
  EXPECT_EQ(Becomes("interval", "interval day to second(0)"), "rounded to whole seconds");
  EXPECT_EQ(Becomes("text", "name"), "cut to 63 bytes");
  EXPECT_EQ(Becomes("numeric", "money"), "rounded to the currency's digits");
  EXPECT_NE(Becomes("text", "character varying(5)"), "");
  EXPECT_NE(Becomes("text", "character(5)"), "");
  EXPECT_NE(Becomes("json", "jsonb"), "");
  EXPECT_NE(Becomes("numeric[]", "numeric(10,2)[]"), "");
}

TEST(NarrowingTest, WhatATypeOfPostgresHolds) {
  for (const auto& [source, target] : std::initializer_list<std::pair<const char*, const char*>>{
           {"numeric(10,2)", "numeric(12,2)"},
           {"numeric", "numeric"},
           {"numeric(6,2)", "real"},
           {"integer", "numeric"},
           {"integer", "money"},
           {"money", "money"},
           {"integer", "bigint"},
           {"integer", "double precision"},
           {"real", "double precision"},
           {"date", "timestamp(0) with time zone"},
           {"timestamp(0) without time zone", "timestamp(3) with time zone"},
           {"interval", "interval day to second"},
           {"interval day", "interval"},
           {"character varying(5)", "character varying(9)"},
           {"character varying(5)", "text"},
           {"character(5)", "character(5)"},
           {"uuid", "character(36)"},
           {"jsonb", "json"},
           {"text", "citext"},
           {"bytea", "bytea"}}) {
    EXPECT_EQ(Becomes(source, target), "") << source << " in " << target;
  }
}

// SQLite holds what it gets, save that columns which are not for text make numbers.
TEST(NarrowingTest, WhatSqliteMakesOfTexts) {
  const auto in_sqlite = [](const char* source, const char* target) {
    return Becomes(source, target, Dialect::kPostgres, Dialect::kSqlite);
  };
  EXPECT_NE(in_sqlite("text", "INTEGER"), "");
  EXPECT_NE(in_sqlite("text", "STRING"), "");
  EXPECT_EQ(in_sqlite("text", "TEXT"), "");
  EXPECT_EQ(in_sqlite("text", ""), "");
  EXPECT_NE(in_sqlite("numeric", "NUMERIC"), "");
  EXPECT_EQ(in_sqlite("numeric", "DECIMAL_TEXT"), "");
  EXPECT_EQ(in_sqlite("numeric(10,2)", "NUMERIC"), "");
  EXPECT_NE(in_sqlite("bigint", "REAL"), "");
  EXPECT_EQ(in_sqlite("bigint", "INTEGER"), "");
  EXPECT_EQ(in_sqlite("timestamp with time zone", "DATETIME"), "");
  const auto of_sqlite = [](const char* source, const char* target) {
    return Becomes(source, target, Dialect::kSqlite, Dialect::kPostgres);
  };
  EXPECT_EQ(of_sqlite("DECIMAL(10,2)", "numeric(10,2)"), "");
  EXPECT_NE(of_sqlite("DECIMAL(10,4)", "numeric(10,2)"), "");
  EXPECT_NE(of_sqlite("DATETIME", "date"), "");
  EXPECT_EQ(of_sqlite("TEXT", "character varying(5)"), "") << "meant as anything";
}

// Fails, by never coming to an end, when a type is not read that somebody declared with a blank.
TEST(NarrowingTest, ABlankBeforeTheLengthIsNoPartOfTheName) {
  for (const char* target : {"numeric(12,2)", "real", "numeric(10,1)"}) {
    EXPECT_EQ(Becomes("DECIMAL (10,2)", target, Dialect::kSqlite),
              Becomes("DECIMAL(10,2)", target, Dialect::kSqlite));
    EXPECT_EQ(Becomes("numeric (10,2)", target), Becomes("numeric(10,2)", target));
  }
}

}  // namespace
}  // namespace syncline::apply
