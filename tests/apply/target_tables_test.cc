#include "apply/target_tables.h"

#include <gtest/gtest.h>

#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

bool AreBytes(const Column& source, const Column& target) {
  sql::TableInfo info;
  Column renamed = target;
  renamed.name = "key";
  info.columns.push_back({.column = renamed});
  TableMapping mapping;
  mapping.columns["id"] = "key";
  return KeysAreBytes(*test::MakeSchema("public.t", {source, {"at", Type::kInt, "bigint"}}),
                      mapping, info);
}

// Fails when a key is taken that the target compares by more than its bytes, or converts.
TEST(KeysAreBytesTest, OnlyWhereKeysThatDifferInTheLogDifferOnTheTarget) {
  const auto same = [](Type type, const char* native) {
    return AreBytes({"id", type, native}, {"id", type, native});
  };
  EXPECT_TRUE(same(Type::kInt, "bigint"));
  EXPECT_TRUE(same(Type::kText, "text"));
  EXPECT_TRUE(same(Type::kText, "character varying(20)"));
  EXPECT_TRUE(same(Type::kUuid, "uuid"));
  EXPECT_TRUE(same(Type::kTimestampTz, "timestamp with time zone"));
  EXPECT_TRUE(AreBytes({"id", Type::kInt, "integer"}, {"id", Type::kInt, "bigint"}));
  EXPECT_FALSE(same(Type::kText, "character(8)")) << "trailing spaces";
  EXPECT_FALSE(same(Type::kDecimal, "numeric")) << "1.0 and 1.00";
  EXPECT_FALSE(same(Type::kDouble, "double precision")) << "0 and -0";
  EXPECT_FALSE(same(Type::kOther, "citext"));
  EXPECT_FALSE(AreBytes({"id", Type::kTimestampTz, "timestamp with time zone"},
                        {"id", Type::kTimestampTz, "timestamp(0) with time zone"}));
  EXPECT_FALSE(AreBytes({"id", Type::kText, "text"}, {"id", Type::kInt, "bigint"})) << "01 and 1";
  EXPECT_FALSE(AreBytes({"id", Type::kText, "text"}, {"id", Type::kText, "character varying(8)"}));
}

}  // namespace
}  // namespace syncline::apply
