#include "apply/statements/write_sql.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

// The statements as text: what they do is shown on real databases by tests/conformance. These fail
// when a statement changes unnoticed.

const TableName kStage{"pg_temp", "stage"};

TargetShape Shape() {
  return {.dialect = Dialect::kPostgres,
          .table = {"public", "items"},
          .columns = {{"id", Type::kInt, "bigint", false},
                      {"doc", Type::kJson, "json", true},
                      {"updated_at", Type::kTimestampTz, "timestamptz(0)", true}},
          .key = {"id"},
          .cursor = "updated_at",
          .cursor_type = Type::kTimestampTz,
          .cursor_native = "timestamptz(0)"};
}

TEST(WriteSqlTest, ARowIsWrittenWhereTheTargetHoldsTheStateThatItFollows) {
  EXPECT_EQ(UpdateRowSql(Shape()),
            R"(UPDATE "public"."items" AS t SET "doc" = $2, "updated_at" = $3 WHERE t."id" = $1)"
            R"( AND t."updated_at" = CAST($4 AS timestamptz(0)))");
  EXPECT_EQ(InsertRowSql(Shape()),
            R"(INSERT INTO "public"."items" AS t ("id", "doc", "updated_at") OVERRIDING SYSTEM)"
            R"( VALUE VALUES ($1, $2, $3) ON CONFLICT ("id") DO NOTHING)");
  EXPECT_EQ(DeleteRowSql(Shape(), Follows::kAnyUpToThat),
            R"(DELETE FROM "public"."items" AS t WHERE t."id" = $1)"
            R"( AND t."updated_at" <= CAST($2 AS timestamptz(0)))");
}

// Fails when `=` is written for a type whose own operators are not the system's: with an empty
// search_path it is another one.
TEST(WriteSqlTest, KeysAreComparedByTheOperatorsOfTheirTypes) {
  TargetShape shape = Shape();
  shape.cursor.clear();
  shape.key = {"id", "doc"};
  shape.key_equals = {"=", "OPERATOR(\"public\".=)"};
  EXPECT_EQ(EraseRowSql(shape), R"(DELETE FROM "public"."items" AS t WHERE t."id" = $1)"
                                R"( AND t."doc" OPERATOR("public".=) $2)");
  EXPECT_TRUE(UpdateStagedSql(shape, kStage)
                  .text()
                  .ends_with(R"(t."id" = s."id" AND t."doc" OPERATOR("public".=) s."doc")"));
}

TEST(WriteSqlTest, WithoutVersionsWhateverIsThereIsFollowed) {
  TargetShape shape = Shape();
  shape.cursor.clear();
  EXPECT_EQ(UpsertColumns(shape),
            (std::vector<std::string>{"id", "doc", "updated_at", kRowColumn}));
  EXPECT_EQ(DeleteColumns(shape), (std::vector<std::string>{"id", kRowColumn}));
  EXPECT_TRUE(UpdateRowSql(shape).text().ends_with(R"( WHERE t."id" = $1)"));
  EXPECT_TRUE(UpdateStagedSql(shape, kStage).text().ends_with(R"( WHERE t."id" = s."id")"));
}

// Fails when the target's row is read without its lock, or a json column compared with `=`.
TEST(WriteSqlTest, ALookLocksTheRowAndComparesWhatItsColumnsHold) {
  EXPECT_EQ(LookUpsertSql(Shape()),
            R"(SELECT coalesce(t."updated_at" = CAST($4 AS timestamptz(0)), FALSE),)"
            R"( coalesce(t."updated_at" = CAST($3 AS timestamptz(0)), FALSE),)"
            R"( coalesce(t."updated_at" > CAST($3 AS timestamptz(0)), FALSE),)"
            R"( t."doc"::text IS NOT DISTINCT FROM CAST($2 AS json)::text AND)"
            R"( t."updated_at" IS NOT DISTINCT FROM CAST($3 AS timestamptz(0)))"
            R"( FROM "public"."items" AS t WHERE t."id" = $1 FOR UPDATE)");
  EXPECT_TRUE(LookDeleteSql(Shape()).text().ends_with("FOR UPDATE"));
}

TEST(WriteSqlTest, TheStageHasTheTargetsOwnTypes) {
  EXPECT_EQ(
      CreateUpsertStageSql(Shape(), kStage),
      R"(CREATE TEMP TABLE "stage" ON COMMIT DELETE ROWS AS SELECT t."id", t."doc", t."updated_at",)"
      R"( t."updated_at" AS "syncline_previous", 0 AS syncline_row FROM "public"."items" AS t)"
      R"( WITH NO DATA)");
  EXPECT_EQ(
      UpdateStagedSql(Shape(), kStage),
      R"(UPDATE "public"."items" AS t SET "doc" = s."doc", "updated_at" = s."updated_at")"
      R"( FROM "pg_temp"."stage" AS s WHERE t."id" = s."id" AND t."updated_at" = s."syncline_previous")");
}

TEST(WriteSqlTest, ATableOfKeyColumnsOnlyIsTouched) {
  TargetShape shape = Shape();
  shape.key = {"id", "doc", "updated_at"};
  EXPECT_NE(UpdateRowSql(shape).text().find(R"(SET "id" = t."id" WHERE)"), std::string::npos);
}

// Fails when a text, or what SQLite stores, is compared by the database: of the forms of one moment
// it knows nothing.
TEST(WriteSqlTest, VersionsWithoutATypeOfTheirOwnAreLeftToTheProgram) {
  TargetShape shape = Shape();
  shape.cursor_type = Type::kText;
  shape.cursor_native = "text";
  shape.compares_stamps = true;
  EXPECT_TRUE(UpdateRowSql(shape, Follows::kAnyUpToThat)
                  .text()
                  .ends_with(R"(AND t."updated_at" = CAST($4 AS text))"));
  EXPECT_EQ(LookUpsertSql(shape),
            R"(SELECT coalesce(t."updated_at" = CAST($4 AS text), FALSE),)"
            R"( coalesce(t."updated_at" = CAST($3 AS text), FALSE), NULL,)"
            R"( t."doc"::text IS NOT DISTINCT FROM CAST($2 AS json)::text, t."updated_at"::text)"
            R"( FROM "public"."items" AS t WHERE t."id" = $1 FOR UPDATE)");
  shape.dialect = Dialect::kSqlite;
  EXPECT_NE(
      LookUpsertSql(shape).text().find(R"(t."updated_at" IS $3, CASE typeof(t."updated_at"))"),
      std::string::npos);
}

TEST(WriteSqlTest, OddNamesAreQuoted) {
  TargetShape shape = Shape();
  shape.table = {"", "odd \"name\""};
  shape.columns[1].name = "b c";
  EXPECT_NE(UpdateRowSql(shape).text().find(R"(UPDATE "odd ""name""" AS t SET "b c" = $2)"),
            std::string::npos);
}

}  // namespace
}  // namespace syncline::apply
