#include "apply/rules/table_order.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

using Tables = std::map<TableName, std::vector<sql::ForeignKey>>;

TableName Table(const std::string& name) { return {"public", name}; }

std::vector<sql::ForeignKey> References(std::initializer_list<const char*> names) {
  std::vector<sql::ForeignKey> keys;
  for (const char* name : names) keys.push_back({.references = Table(name)});
  return keys;
}

// Fails when a table is put before what it references; the names are such that their own order is
// the wrong one.
TEST(TableOrderTest, ParentsComeFirstAcrossSeveralGenerations) {
  const TableOrder order =
      OrderByReferences({{Table("a_lines"), References({"b_orders", "d_products"})},
                         {Table("b_orders"), References({"c_customers"})},
                         {Table("c_customers"), {}},
                         {Table("d_products"), {}}});
  EXPECT_EQ(order.parents_first, (std::vector<TableName>{Table("c_customers"), Table("b_orders"),
                                                         Table("d_products"), Table("a_lines")}));
  EXPECT_TRUE(order.in_cycle.empty());
}

TEST(TableOrderTest, ReferencesToTablesThatAreNotWrittenDoNotMatter) {
  const TableOrder order = OrderByReferences({{Table("a"), References({"elsewhere"})}});
  EXPECT_EQ(order.parents_first, std::vector<TableName>{Table("a")});
}

// Fails when only direct self references count as cycles, or when a table that merely points into a
// cycle does.
TEST(TableOrderTest, CyclesAreNamedAndDoNotHang) {
  const TableOrder order = OrderByReferences({{Table("a"), References({"b"})},
                                              {Table("b"), References({"a"})},
                                              {Table("tree"), References({"tree"})},
                                              {Table("user"), References({"a"})}});
  EXPECT_EQ(order.in_cycle, (std::vector<TableName>{Table("a"), Table("b"), Table("tree")}));
  EXPECT_EQ(order.parents_first.size(), 4u);
  EXPECT_EQ(order.parents_first.back(), Table("user"));
}

}  // namespace
}  // namespace syncline::apply
