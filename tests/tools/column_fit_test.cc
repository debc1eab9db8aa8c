#include "tools/check/column_fit.h"

#include <gtest/gtest.h>

namespace syncline::cli {
namespace {

ColumnFit Fit(Column source, Column target, Dialect from = Dialect::kPostgres) {
  return FitOf(source, from, target, Dialect::kPostgres);
}

Column Of(Type type, const char* native) { return {.type = type, .native_type = native}; }

const Column kText = Of(Type::kText, "text");
const Column kInteger = Of(Type::kInt, "integer");
const Column kBigint = Of(Type::kInt, "bigint");
const Column kNumeric = Of(Type::kDecimal, "numeric(10,2)");
const Column kBoolean = Of(Type::kBool, "boolean");
const Column kStamp = Of(Type::kTimestampTz, "timestamp with time zone");
const Column kDate = Of(Type::kDate, "date");

TEST(ColumnFitTest, ByTheTypesOfBothSides) {
  EXPECT_EQ(Fit(kText, kInteger), ColumnFit::kSome);
  EXPECT_EQ(Fit(kInteger, kText), ColumnFit::kAll);
  EXPECT_EQ(Fit(kBoolean, kInteger), ColumnFit::kNone);
  EXPECT_EQ(Fit(kStamp, kInteger), ColumnFit::kNone);
  EXPECT_EQ(Fit(kStamp, kDate), ColumnFit::kAll);
  EXPECT_EQ(Fit(kInteger, kStamp), ColumnFit::kSome);
  EXPECT_EQ(Fit(kNumeric, kStamp), ColumnFit::kNone);
  EXPECT_EQ(Fit(kNumeric, kNumeric), ColumnFit::kAll);
  EXPECT_EQ(Fit(kNumeric, kInteger), ColumnFit::kSome);
}

TEST(ColumnFitTest, ByTheRangeAndTheLength) {
  EXPECT_EQ(Fit(kInteger, kBigint), ColumnFit::kAll);
  EXPECT_EQ(Fit(kBigint, kInteger), ColumnFit::kSome);
  EXPECT_EQ(Fit(kText, Of(Type::kText, "character varying(5)")), ColumnFit::kSome);
  EXPECT_EQ(Fit(Of(Type::kText, "character varying(5)"), Of(Type::kText, "character varying(9)")),
            ColumnFit::kAll);
}

TEST(ColumnFitTest, TypesOfTheDatabasesOwnFitThemselves) {
  const Column list = Of(Type::kOther, "integer[]");
  EXPECT_EQ(Fit(list, list), ColumnFit::kAll);
  EXPECT_EQ(Fit(list, Of(Type::kOther, "inet")), ColumnFit::kSome);
}

// What a SQLite column is declared as binds nobody.
TEST(ColumnFitTest, OfASqliteSourceNothingIsImpossible) {
  EXPECT_EQ(Fit(kBoolean, kInteger, Dialect::kSqlite), ColumnFit::kSome);
  EXPECT_EQ(FitOf(kText, Dialect::kPostgres, kInteger, Dialect::kSqlite), ColumnFit::kAll);
}

}  // namespace
}  // namespace syncline::cli
