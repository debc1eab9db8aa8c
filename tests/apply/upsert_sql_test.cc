#include "apply/upsert_sql.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

// The statements as text: what they do is shown on real databases by tests/conformance. These fail
// when a statement changes unnoticed.

const TableName kStage{"pg_temp", "stage"};

TargetShape Shape(ConflictRule rule = ConflictRule::kLatestWins) {
  return {.dialect = Dialect::kPostgres,
          .table = {"public", "items"},
          .columns = {"id", "name", "updated_at"},
          .key = {"id"},
          .cursor = "updated_at",
          .cursor_type = Type::kTimestampTz,
          .cursor_native = "timestamptz(0)",
          .conflict = rule};
}

TEST(UpsertSqlTest, LatestWinsFastForwardsOrComparesStamps) {
  EXPECT_EQ(
      UpsertRowSql(Shape()),
      R"(INSERT INTO "public"."items" AS t ("id", "name", "updated_at") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3))"
      R"( ON CONFLICT ("id") DO UPDATE SET "name" = excluded."name", "updated_at" = excluded."updated_at")"
      R"( WHERE t."updated_at" < excluded."updated_at" OR t."updated_at" IS NULL OR t."updated_at" = CAST($4 AS timestamptz(0)))");
  EXPECT_EQ(
      DeleteRowSql(Shape()),
      R"(DELETE FROM "public"."items" AS t WHERE t."id" = $1)"
      R"( AND (t."updated_at" <= CAST($3 AS timestamptz(0)) OR t."updated_at" IS NULL OR t."updated_at" = CAST($2 AS timestamptz(0))))");
}

TEST(UpsertSqlTest, SourceWinsLooksAtNothing) {
  const TargetShape shape = Shape(ConflictRule::kSourceWins);
  EXPECT_EQ(UpsertColumns(shape), shape.columns);
  EXPECT_EQ(DeleteColumns(shape), shape.key);
  EXPECT_EQ(UpsertRowSql(shape).find("WHERE"), std::string::npos);
  EXPECT_EQ(DeleteRowSql(shape), R"(DELETE FROM "public"."items" AS t WHERE t."id" = $1)");
}

TEST(UpsertSqlTest, TargetWinsOnlyFastForwards) {
  const TargetShape shape = Shape(ConflictRule::kTargetWins);
  EXPECT_TRUE(
      UpsertRowSql(shape).ends_with(R"( WHERE t."updated_at" = CAST($4 AS timestamptz(0)))"));
  EXPECT_TRUE(DeleteRowSql(shape).ends_with(R"( AND t."updated_at" = CAST($2 AS timestamptz(0)))"));
  EXPECT_EQ(DeleteColumns(shape), (std::vector<std::string>{"id", kPreviousColumn}));
}

// Fails when the stage's previous versions are compared without their key.
TEST(UpsertSqlTest, StagedRowsFindTheirPreviousVersionByKey) {
  EXPECT_TRUE(
      UpsertStagedSql(Shape(), kStage)
          .ends_with(
              R"( OR (excluded."id", t."updated_at") IN (SELECT s."id", s."syncline_previous")"
              R"( FROM "pg_temp"."stage" AS s WHERE s."syncline_previous" >= s."updated_at"))"));
  EXPECT_EQ(
      CreateUpsertStageSql(Shape(), kStage),
      R"(CREATE TEMP TABLE "stage" ON COMMIT DELETE ROWS AS SELECT t."id", t."name", t."updated_at",)"
      R"( t."updated_at" AS syncline_previous FROM "public"."items" AS t WITH NO DATA)");
  EXPECT_EQ(
      DeleteStagedSql(Shape(), kStage),
      R"(DELETE FROM "public"."items" AS t USING "pg_temp"."stage" AS s WHERE t."id" = s."id")"
      R"( AND (t."updated_at" <= s."syncline_version" OR t."updated_at" IS NULL OR t."updated_at" = s."syncline_previous"))");
}

TEST(UpsertSqlTest, ATableOfKeyColumnsOnlyHasNothingToUpdate) {
  TargetShape shape = Shape();
  shape.columns = shape.key = {"id", "updated_at"};
  EXPECT_EQ(UpsertColumns(shape), shape.columns);
  EXPECT_TRUE(UpsertRowSql(shape).ends_with(R"( ON CONFLICT ("id", "updated_at") DO NOTHING)"));
}

// Fails when '10' sorts before '9', or a language's collation decides which version is the later
// one.
TEST(UpsertSqlTest, VersionsOrderAsInTheLog) {
  TargetShape decimal = Shape();
  decimal.dialect = Dialect::kSqlite;
  decimal.cursor_type = Type::kDecimal;
  EXPECT_NE(UpsertRowSql(decimal).find(
                R"(CAST(t."updated_at" AS NUMERIC) < CAST(excluded."updated_at" AS NUMERIC))"),
            std::string::npos);
  TargetShape text = Shape();
  text.cursor_type = Type::kText;
  EXPECT_NE(
      UpsertRowSql(text).find(R"(t."updated_at" COLLATE "C" < excluded."updated_at" COLLATE "C")"),
      std::string::npos);
}

TEST(UpsertSqlTest, OddNamesAreQuoted) {
  TargetShape shape = Shape();
  shape.table = {"", "odd \"name\""};
  shape.columns = {"select", "b c"};
  shape.key = {"select"};
  shape.cursor = "b c";
  EXPECT_NE(UpsertRowSql(shape).find(R"(INTO "odd ""name""" AS t ("select", "b c"))"),
            std::string::npos);
}

}  // namespace
}  // namespace syncline::apply
