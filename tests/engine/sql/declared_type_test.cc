#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::sql {
namespace {

Sql Sqlite(std::string_view declared) { return DeclaredType(declared, Dialect::kSqlite); }
Sql Postgres(std::string_view declared) { return DeclaredType(declared, Dialect::kPostgres); }

TEST(DeclaredTypeTest, WordsAndNumbersStayInSqlite) {
  for (const char* type : {"", "INTEGER", "varchar(20)", "DECIMAL(12,2)", "UNSIGNED BIG INT",
                           "double precision", "DATETIME", "DECIMAL_TEXT(5,-2)"}) {
    EXPECT_EQ(Sqlite(type), type);
  }
  EXPECT_EQ(Sqlite(" decimal ( 12 ,\n2 ) "), "decimal(12,2)");
}

// Words that could begin a constraint of the column. Seen to be pasted by the build before:
// `v TEXT REFERENCES other ON DELETE CASCADE` was a foreign key on the target.
TEST(DeclaredTypeTest, SqlitesKeywordsBecomeOneName) {
  EXPECT_EQ(Sqlite("TIMESTAMP WITH TIME ZONE"), R"("TIMESTAMP WITH TIME ZONE")");
  EXPECT_EQ(Sqlite("TEXT REFERENCES other"), R"("TEXT REFERENCES other")");
  EXPECT_EQ(Sqlite("TEXT NOT NULL"), R"("TEXT NOT NULL")");
  EXPECT_EQ(Sqlite("int unique (5)"), "\"int unique(5)\"");
}

TEST(DeclaredTypeTest, AnythingElseIsATypeOfTheSameAffinityInSqlite) {
  EXPECT_EQ(Sqlite("TEXT); DROP TABLE salaries; --"), "TEXT");
  EXPECT_EQ(Sqlite("TEXT, x INTEGER"), "INT");
  EXPECT_EQ(Sqlite("BLOB DEFAULT (load_extension('x'))"), "BLOB");
  EXPECT_EQ(Sqlite("REAL -- "), "REAL");
  EXPECT_EQ(Sqlite("`quoted`"), "NUMERIC");
  EXPECT_EQ(Sqlite("()"), "NUMERIC");
  EXPECT_EQ(Sqlite("TEXT(1,2,3)"), "TEXT");
  EXPECT_EQ(Sqlite("TEXT(1e5)"), "TEXT");
  EXPECT_EQ(Sqlite("TEXT(12345678901)"), "TEXT");
  EXPECT_EQ(Sqlite(std::string_view("TEXT\0);", 7)), "TEXT");
  EXPECT_EQ(Sqlite("TEXT\xc2\xa0"), "TEXT");
}

TEST(DeclaredTypeTest, WhatPostgresWritesStays) {
  for (const char* type : {"bigint",
                           "character varying(20)",
                           "character varying",
                           "numeric(10,2)",
                           "numeric(3,-2)",
                           "double precision",
                           "timestamp(3) with time zone",
                           "time without time zone",
                           "integer[]",
                           "numeric(10,2)[]",
                           "interval",
                           "interval(3)",
                           "interval day to second(3)",
                           "bit varying(5)",
                           "\"char\"",
                           "\"bit\"",
                           "mood",
                           "public.mood",
                           "\"My S\".\"a \"\"b\"\"\"[]",
                           "public.geometry(Point,4326)",
                           "public.vector(3)",
                           "timestamp(3) without time zone[]"}) {
    EXPECT_EQ(Postgres(type), type);
  }
}

TEST(DeclaredTypeTest, AnythingElseIsRefusedInPostgres) {
  for (const char* type :
       {"", "text; DROP TABLE x", "text NOT NULL", "text DEFAULT pg_sleep(1)", "text)", "text --",
        "integer REFERENCES other", "text COLLATE \"C\"", "numeric(", "numeric(1", "numeric('1')",
        "a.b.c", "\"open", "text[1", "text/**/", "interval day; x", "numeric(pg_sleep(1))",
        "SETOF text", "text with time zone"}) {
    EXPECT_THROW(Postgres(type), Error) << type;
  }
}

// Fails when what a log calls a type can write control characters or whole pages into a message.
TEST(DeclaredTypeTest, ARefusedTypeIsShownInPrintableCharacters) {
  try {
    Postgres("a\x1b[2J\n" + std::string(1'000, 'x') + ";");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message().find('\x1b'), std::string::npos);
    EXPECT_LT(error.message().size(), 200u);
  }
}

// What a log says of the modifier is no longer pasted behind the other database's type either.
TEST(DeclaredTypeTest, OnlyNumbersTravelBehindATypeOfTheOtherDatabase) {
  const auto travel = [](const char* native, Dialect from, Dialect to) {
    return ColumnTypeFor({.name = "c", .type = Type::kDecimal, .native_type = native}, from, to);
  };
  EXPECT_EQ(travel("numeric(10,2)", Dialect::kPostgres, Dialect::kSqlite), "DECIMAL_TEXT(10,2)");
  EXPECT_EQ(travel("numeric(1); --)", Dialect::kPostgres, Dialect::kSqlite), "DECIMAL_TEXT(1)");
  EXPECT_EQ(travel("numeric(x'')", Dialect::kPostgres, Dialect::kSqlite), "DECIMAL_TEXT");
  EXPECT_EQ(travel("DECIMAL_TEXT(1 OR 1)", Dialect::kSqlite, Dialect::kPostgres), "numeric");
}

}  // namespace
}  // namespace syncline::sql
