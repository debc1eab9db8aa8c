#include "apply/rules/refusal_reason.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

using Kind = Refusal::Kind;

sql::TableInfo Lines() {
  sql::TableInfo info;
  info.columns = {{.column = {.name = "price", .native_type = "numeric(6,2)"}}};
  info.foreign_keys = {{{"", "orders"}, {"order_id"}, false, "lines_order_fkey"},
                       {{"", "products"}, {"product_id"}, false, "lines_product_fkey"}};
  return info;
}

// Fails when a person would have to look the constraint up to know which table lacks a row.
TEST(RefusalReasonTest, AForeignKeyNamesTheTableThatLacksTheRow) {
  const Refusal named{.kind = Kind::kForeignKey,
                      .reason = "",
                      .table = "lines",
                      .constraint = "lines_product_fkey"};
  EXPECT_EQ(Explained(named, Lines(), false).reason,
            "refers to a row of products that is not there (foreign key lines_product_fkey)");
  EXPECT_EQ(Explained({.kind = Kind::kForeignKey, .reason = ""}, Lines(), false).reason,
            "refers to a row of orders or products that is not there");
  EXPECT_EQ(Explained(named, {}, true).reason,
            "rows of lines still refer to it (foreign key lines_product_fkey)");
}

TEST(RefusalReasonTest, AValueNamesTheTypeOfItsColumn) {
  const Refusal refusal{
      .kind = Kind::kValue, .reason = "column price: numeric field overflow", .column = "price"};
  EXPECT_EQ(Explained(refusal, Lines(), false).reason,
            "column price: numeric field overflow (numeric(6,2))");
}

}  // namespace
}  // namespace syncline::apply
