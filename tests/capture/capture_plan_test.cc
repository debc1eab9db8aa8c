#include "capture/plan/capture_plan.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"

namespace syncline::capture {
namespace {

// items(id bigint key, code text unique, note text, updated_at timestamptz, price numeric)
sql::TableInfo Items() {
  sql::TableInfo info;
  info.name = {"public", "items"};
  info.columns = {
      {{"id", Type::kInt, "bigint", false}},
      {{"code", Type::kText, "text", false}},
      {{"note", Type::kText, "text", true}},
      {{"updated_at", Type::kTimestampTz, "timestamp with time zone", false}},
      {{"price", Type::kDecimal, "numeric(12,2)", true}},
  };
  info.primary_key = {"id"};
  info.unique_keys = {{"code"}};
  return info;
}

TableSpec Spec() {
  TableSpec spec;
  spec.table = {"public", "items"};
  spec.cursor = "updated_at";
  return spec;
}

CapturePlan Plan(const TableSpec& spec) { return MakePlan(spec, Items(), Dialect::kPostgres); }

// "message / hint" of the UsageError.
std::string Refusal(const TableSpec& spec, const sql::TableInfo& info,
                    Dialect dialect = Dialect::kPostgres) {
  try {
    MakePlan(spec, info, dialect);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.message() + " / " + error.hint();
  }
  return "accepted";
}

TEST(TablePlanTest, TheKeyIsTheConfiguredOneElseThePrimaryElseAUniqueOne) {
  TableSpec spec = Spec();
  EXPECT_EQ(Plan(spec).key_columns(), std::vector<std::string>{"id"});
  spec.key = {"code", "id"};
  EXPECT_EQ(Plan(spec).key_columns(), (std::vector<std::string>{"code", "id"}));
  sql::TableInfo info = Items();
  info.primary_key.clear();
  EXPECT_EQ(MakePlan(Spec(), info, Dialect::kPostgres).key_columns(),
            std::vector<std::string>{"code"});
}

TEST(TablePlanTest, OmittedColumnsAreNotRead) {
  TableSpec spec = Spec();
  spec.omit = {"note"};
  const CapturePlan plan = Plan(spec);
  EXPECT_EQ(plan.schema->Find("note"), -1);
  EXPECT_EQ(plan.schema->columns[plan.schema->cursor].name, "updated_at");
  EXPECT_EQ(plan.poll_order, "\"updated_at\", \"id\"");
}

TEST(TablePlanTest, TheConditionLeavesOutRowsWithoutACursor) {
  TableSpec spec = Spec();
  EXPECT_EQ(Plan(spec).where, "");
  spec.where = "id > 5";
  sql::TableInfo info = Items();
  info.columns[3].column.nullable = true;
  const CapturePlan plan = MakePlan(spec, info, Dialect::kPostgres);
  EXPECT_EQ(plan.where, "(id > 5\n) AND \"updated_at\" IS NOT NULL");
  EXPECT_EQ(plan.null_cursor, "(id > 5\n) AND \"updated_at\" IS NULL");
}

TEST(TablePlanTest, ACreationTimeCountsWhereARowWasNeverUpdated) {
  TableSpec spec = Spec();
  spec.cursor = "coalesce(updated_at, created_at)";
  sql::TableInfo info = Items();
  info.columns[3].column.nullable = true;
  info.columns.push_back({{"created_at", Type::kTimestampTz, "timestamp with time zone", false}});
  CapturePlan plan = MakePlan(spec, info, Dialect::kPostgres);
  EXPECT_EQ(plan.cursor_sql(), R"(coalesce("updated_at", "created_at"))");
  EXPECT_EQ(plan.poll_order, R"(coalesce("updated_at", "created_at"), "id")");
  EXPECT_EQ(plan.null_cursor, "");
  EXPECT_NE(plan.definition, Plan(Spec()).definition);
  info.columns[5].column.nullable = true;
  plan = MakePlan(spec, info, Dialect::kPostgres);
  EXPECT_EQ(plan.where, R"(coalesce("updated_at", "created_at") IS NOT NULL)");
  EXPECT_EQ(plan.null_cursor, R"(coalesce("updated_at", "created_at") IS NULL)");

  spec.omit = {"created_at"};
  EXPECT_EQ(Refusal(spec, info).substr(0, 67),
            "public.items: column created_at is the cursor and cannot be omitted");
  spec.omit.clear();
  info.columns[5].column.native_type = "timestamp(0) with time zone";
  EXPECT_NE(Refusal(spec, info).find("mixes two types"), std::string::npos);
  spec.cursor = "coalesce(id, updated_at)";
  EXPECT_NE(Refusal(spec, info).find("is for times, and id is a number"), std::string::npos);
  spec.cursor = "coalesce(updated_at, creatd_at)";
  EXPECT_NE(Refusal(spec, info).find("did you mean \"created_at\""), std::string::npos);
}

TEST(TablePlanTest, TheDefinitionChangesWithWhatDecidesTheRows) {
  const std::string definition = Plan(Spec()).definition;
  TableSpec spec = Spec();
  EXPECT_EQ(Plan(spec).definition, definition);
  spec.where = "id > 5";
  EXPECT_NE(Plan(spec).definition, definition);
  spec = Spec();
  spec.omit = {"note"};
  EXPECT_NE(Plan(spec).definition, definition);
  spec = Spec();
  spec.key = {"code"};
  EXPECT_NE(Plan(spec).definition, definition);
}

TEST(TablePlanTest, UnknownColumnsAreRefusedWithTheNearestName) {
  TableSpec spec = Spec();
  spec.key = {"ids"};
  EXPECT_EQ(Refusal(spec, Items()),
            "public.items: there is no key column ids; did you mean \"id\"? / correct key: of this "
            "table in the configuration");
  spec = Spec();
  spec.cursor = "update_at";
  EXPECT_EQ(
      Refusal(spec, Items()),
      "public.items: there is no column update_at to poll by; did you mean \"updated_at\"? / set "
      "cursor: for this table, for instance to updated_at");
  spec = Spec();
  spec.omit = {"notes"};
  EXPECT_EQ(
      Refusal(spec, Items()),
      "public.items: there is no column notes to omit; did you mean \"note\"? / correct omit: of "
      "this table in the configuration");
  spec = Spec();
  spec.named = {"id", "nota"};
  EXPECT_EQ(Refusal(spec, Items()),
            "public.items: there is no column nota; did you mean \"note\"? / correct columns: or "
            "omit: of this table in the configuration");
}

TEST(TablePlanTest, SqliteComparesNamesWithoutCase) {
  TableSpec spec = Spec();
  spec.cursor = "Updated_At";
  spec.key = {"CODE"};
  EXPECT_NE(Refusal(spec, Items()).find("did you mean"), std::string::npos);
  const CapturePlan plan = MakePlan(spec, Items(), Dialect::kSqlite);
  EXPECT_EQ(plan.cursor_sql().text(), "\"updated_at\"");
  EXPECT_EQ(plan.key_columns(), std::vector<std::string>{"code"});
  TableSpec same = Spec();
  same.key = {"code"};
  EXPECT_EQ(plan.definition, MakePlan(same, Items(), Dialect::kSqlite).definition);
  spec.cursor = "coalesce(UPDATED_AT, Price)";
  EXPECT_NE(Refusal(spec, Items(), Dialect::kSqlite).find("price"), std::string::npos);
  spec.cursor = "updated";
  EXPECT_NE(Refusal(spec, Items(), Dialect::kSqlite).find("no column updated"), std::string::npos);
}

TEST(TablePlanTest, KeyAndCursorCannotBeOmitted) {
  TableSpec spec = Spec();
  spec.omit = {"id"};
  EXPECT_EQ(
      Refusal(spec, Items()),
      "public.items: column id is part of the key and cannot be omitted / take it out of omit: in "
      "the configuration");
  spec.omit = {"updated_at"};
  EXPECT_EQ(Refusal(spec, Items()).substr(0, 55),
            "public.items: column updated_at is the cursor and canno");
}

TEST(TablePlanTest, ATableWithoutAKeyIsRefusedWithAdvice) {
  sql::TableInfo info = Items();
  info.primary_key.clear();
  info.unique_keys.clear();
  EXPECT_EQ(
      Refusal(Spec(), info),
      "public.items: there is no primary key and no unique key over NOT NULL columns / name the "
      "columns that identify a row with key: [...] in the configuration, or add a primary key to "
      "the table");
}

TEST(TablePlanTest, ACursorOfTheWrongTypeIsRefused) {
  TableSpec spec = Spec();
  for (const char* column : {"code", "price"}) {
    spec.cursor = column;
    EXPECT_NE(Refusal(spec, Items()), "accepted") << column;
  }
  EXPECT_EQ(
      Refusal(spec, Items()),
      "public.items: column price of type numeric(12,2) cannot be polled by / a cursor column is a "
      "timestamptz, a timestamp, a date, an integer from a sequence, or an xid8");
  spec.cursor = "";
  EXPECT_EQ(Refusal(spec, Items()),
            "public.items: no cursor column is named / set cursor: for this table, for instance to "
            "updated_at");
}

// Fails when a table that changes its method is taken for the one that was loaded.
TEST(TablePlanTest, ByXminNoColumnIsTheCursor) {
  TableSpec spec = Spec();
  const std::string before = Plan(spec).definition;
  spec.method = CaptureMethod::kXmin;
  EXPECT_EQ(Refusal(spec, Items()),
            "public.items: by xmin no cursor column is read, and updated_at is named / take out "
            "cursor: of this table, or capture: xmin");
  spec.cursor = "";
  const CapturePlan plan = Plan(spec);
  EXPECT_FALSE(plan.schema->has_cursor());
  EXPECT_EQ(plan.method(), CaptureMethod::kXmin);
  EXPECT_EQ(plan.where + plan.null_cursor + plan.poll_order + plan.cursor_sql(), "");
  EXPECT_NE(plan.definition, before);
  EXPECT_EQ(Refusal(spec, Items(), Dialect::kSqlite),
            "public.items: it cannot be captured by xmin: rows of SQLite do not tell which "
            "transaction wrote them / name a cursor column with cursor:, or set capture: compare");
}

TEST(TablePlanTest, SqliteCursorsAreTimesNumbersAndText) {
  sql::TableInfo info = Items();
  TableSpec spec = Spec();
  spec.cursor = "code";
  EXPECT_EQ(Refusal(spec, info, Dialect::kSqlite), "accepted");
  info.columns[1].column = {"code", Type::kBytes, "BLOB", false};
  EXPECT_EQ(Refusal(spec, info, Dialect::kSqlite).substr(0, 61),
            "public.items: column code of type BLOB cannot be polled by / ");
}

}  // namespace
}  // namespace syncline::capture
