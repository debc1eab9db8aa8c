#include "apply/schema_watch.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::ItemsSchema;
using test::MakeSchema;
using test::SchemaPtr;

class SchemaWatchTest : public testing::Test {
 protected:
  SchemaWatchTest() { logger_->set_pattern("%l %v"); }

  SchemaPtr ItemsWith(std::vector<Column> more) const {
    auto columns = ItemsSchema()->columns;
    columns.insert(columns.begin() + 2, more.begin(), more.end());
    return MakeSchema("public.items", columns);
  }
  // What is said when the schemas come one after the other.
  std::string Said(const std::vector<SchemaPtr>& schemas, std::vector<std::string> omit = {}) {
    SchemaWatch watch("p", {{.source = {"public", "items"}, .target = {"", "items"}, .omit = omit}},
                      logger_);
    for (const SchemaPtr& schema : schemas) watch.See(schema);
    return out_.str();
  }

  std::ostringstream out_;
  const std::shared_ptr<spdlog::logger> logger_ = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_));
};

TEST_F(SchemaWatchTest, ANewColumnIsNoDrift) {
  EXPECT_EQ(Said({ItemsSchema(), ItemsWith({{"price", Type::kDecimal, "numeric", true}})}), "");
}

// Fails when it is said again with every frame.
TEST_F(SchemaWatchTest, ADroppedColumnIsToldOnce) {
  const auto wide = ItemsWith({{"price", Type::kDecimal, "numeric", true}});
  const std::string said = Said({wide, wide, ItemsSchema(), ItemsSchema()});
  EXPECT_EQ(said,
            "warning source column dropped, the target's stays with its old values pipeline=p "
            "table=public.items column=price\n");
}

TEST_F(SchemaWatchTest, ARetypedColumnIsToldWithBothTypes) {
  const std::string said = Said({ItemsWith({{"n", Type::kInt, "integer", true}}),
                                 ItemsWith({{"n", Type::kInt, "bigint", true}})});
  EXPECT_NE(said.find("column=n old=\"integer\" new=\"bigint\""), std::string::npos) << said;
}

// Fails when tables that the pipeline does not have, or columns that it omits, are told of.
TEST_F(SchemaWatchTest, WhatThePipelineDoesNotWantDoesNotMatter) {
  const auto wide = ItemsWith({{"price", Type::kDecimal, "numeric", true}});
  const auto other = MakeSchema("public.other", wide->columns);
  const auto narrow = MakeSchema("public.other", ItemsSchema()->columns);
  EXPECT_EQ(Said({wide, other, narrow, ItemsSchema()}, {"price"}), "");
}

}  // namespace
}  // namespace syncline::apply
