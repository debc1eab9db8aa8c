#include "engine/sql/postgres/link/postgres_refusal.h"
#include "engine/sql/sqlite/sqlite_refusal.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace syncline::sql {
namespace {

using Kind = Refusal::Kind;

// Fails when a class is forgotten, or an error that concerns a statement counts as one row's.
TEST(RefusalTest, OnlyErrorsAboutARowAreRefusals) {
  for (const char* code : {"22003", "22001", "22021", "22P02", "22P05", "23502", "23503", "23505",
                           "23514", "23P01", "54000", "P0001"}) {
    EXPECT_TRUE(PostgresRefusal({.code = code}, "")) << code;
  }
  for (const char* code : {"42P01", "42703", "42804", "42501", "40001", "40P01", "55P03", "57014",
                           "53100", "08006", "25006", "21000", "54001", "XX000", ""}) {
    EXPECT_FALSE(PostgresRefusal({.code = code}, "")) << code;
  }
  for (const int code : {SQLITE_CONSTRAINT_CHECK, SQLITE_CONSTRAINT_DATATYPE, SQLITE_MISMATCH,
                         SQLITE_TOOBIG, SQLITE_CONSTRAINT_TRIGGER, SQLITE_CONSTRAINT_FOREIGNKEY}) {
    EXPECT_TRUE(SqliteRefusal(code, "m")) << code;
  }
  for (const int code : {SQLITE_ERROR, SQLITE_BUSY, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY,
                         SQLITE_CORRUPT, SQLITE_SCHEMA}) {
    EXPECT_FALSE(SqliteRefusal(code, "m")) << code;
  }
}

TEST(RefusalTest, TheReasonNamesWhatAPersonHasToLookAt) {
  const auto reason = [](const PostgresReport& report, std::string_view column = "") {
    return PostgresRefusal(report, column)->reason;
  };
  EXPECT_EQ(reason({.code = "23502", .table = "items", .column = "name"}),
            "NOT NULL column name holds NULL");
  EXPECT_EQ(reason({.code = "23514", .constraint = "items_price_check"}),
            "violates CHECK items_price_check");
  EXPECT_EQ(reason({.code = "23514", .message = "no partition of relation \"items\" found"}),
            "no partition of the table takes the row");
  EXPECT_EQ(reason({.code = "23505", .constraint = "items_name_key"}),
            "unique key items_name_key is taken by another row");
  EXPECT_EQ(reason({.code = "23P01", .constraint = "items_during_excl"}),
            "exclusion constraint items_during_excl is taken by another row");
  EXPECT_EQ(reason({.code = "23503", .table = "items", .constraint = "items_shop_fkey"}),
            "foreign key items_shop_fkey of table items is not met");
  EXPECT_EQ(reason({.code = "23000", .constraint = "items_own"}), "violates constraint items_own");
  EXPECT_EQ(reason({.code = "42501", .routine = "ExecWithCheckOptions"}),
            "a policy of the table's row security refuses the row");
  EXPECT_EQ(reason({.code = "22021"}, "name"),
            "column name: text that is not valid UTF-8 or holds a zero byte");
  EXPECT_EQ(reason({.code = "22003", .message = "numeric field overflow"}, "price"),
            "column price: numeric field overflow");
  EXPECT_EQ(PostgresRefusal({.code = "22003"}, "price")->column, "price");

  EXPECT_EQ(
      SqliteRefusal(SQLITE_CONSTRAINT_NOTNULL, "NOT NULL constraint failed: items.name")->reason,
      "NOT NULL column name holds NULL");
  EXPECT_EQ(SqliteRefusal(SQLITE_CONSTRAINT_CHECK, "CHECK constraint failed: price >= 0")->reason,
            "violates CHECK price >= 0");
  EXPECT_EQ(SqliteRefusal(SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: items.name")->reason,
            "unique key items.name is taken by another row");
}

// Fails when a quoted value, or the message of a trigger, gets into the reason.
TEST(RefusalTest, NoValueOfTheRowIsInTheReason) {
  const PostgresReport quoted = {.code = "22P02",
                                 .message = "invalid input syntax for type integer: \"se\"cret\""};
  EXPECT_EQ(PostgresRefusal(quoted, "")->reason, "invalid input syntax for type integer");
  const PostgresReport ranged = {.code = "22003",
                                 .message = "value \"99999\" is out of range for type smallint"};
  EXPECT_EQ(PostgresRefusal(ranged, "")->reason, "value is out of range for type smallint");
  const PostgresReport raised = {.code = "P0001", .message = "secret is not allowed"};
  EXPECT_EQ(PostgresRefusal(raised, "")->reason.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace syncline::sql
