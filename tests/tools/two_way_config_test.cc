#include "tools/config/two_way_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tools/config/plan.h"

namespace syncline::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kHead = R"(log: ./log
databases:
  hub: postgresql://u@localhost/hub
  x: sqlite:x.db
  y: sqlite:y.db
defaults: {cursor: updated_at}
pipelines:
)";

Config Parse(const std::string& pipelines) {
  return ParseConfig(kHead + pipelines, "syncline.yaml");
}

std::string TwoWayMessageFor(const std::string& pipelines) {
  try {
    Parse(pipelines);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.message();
  }
  return "no mistake was found";
}

std::vector<std::string> NamesOf(const std::vector<PipelinePlan>& pipelines) {
  std::vector<std::string> names;
  for (const PipelinePlan& pipeline : pipelines) names.push_back(pipeline.name);
  return names;
}

TEST(TwoWayConfigTest, OnePipelineIsTwoDirections) {
  const Config config = Parse(R"(  a:
    between: [hub, x]
    conflict: {prefer: [hub]}
    max_skew: 3s
    ahead: stop
    tables:
      items: {to: things, key: [id], columns: {id: hub_id, updated_at: changed_at}}
)");
  ASSERT_THAT(config.PipelineNames(), ElementsAre("a/x", "a/hub"));
  const TableRule& there = config.pipelines[0].tables[0];
  EXPECT_EQ(there.conflict, apply::ConflictRule::kPrefer);
  const PipelineConfig& back = config.pipelines[1];
  EXPECT_EQ(back.from, "x");
  EXPECT_EQ(back.to, "hub");
  const TableRule& rule = back.tables[0];
  EXPECT_EQ(rule.pattern, "things");
  EXPECT_EQ(rule.to, "public.items");
  EXPECT_EQ(rule.cursor, "changed_at");
  EXPECT_THAT(rule.key, ElementsAre("hub_id"));
  EXPECT_EQ(rule.columns,
            (std::map<std::string, std::string>{{"hub_id", "id"}, {"changed_at", "updated_at"}}));
  ASSERT_TRUE(back.two_way);
  EXPECT_THAT(back.two_way->prefer, ElementsAre("hub"));
  EXPECT_EQ(back.two_way->max_skew, std::chrono::seconds(3));
  EXPECT_EQ(back.two_way->ahead, capture::AheadStamps::kStop);
  EXPECT_EQ(config.TwoWay("a"), &config.pipelines[0]);
  EXPECT_EQ(config.TwoWay("a/hub"), &config.pipelines[0]);
  EXPECT_EQ(config.TwoWay("b"), nullptr);
}

// Fails when a source is taken for what runs with it.
TEST(TwoWayConfigTest, WhatIsAppliedToADatabaseRunsWhereItIsCaptured) {
  const Config config = Parse(R"(  a: {between: [hub, x], tables: {items: {}}}
  b: {between: [hub, y], tables: {items: {}}}
)");
  const Plan all = MakePlan(config, {});
  EXPECT_EQ(all.sources.size(), 3);
  for (const SourcePlan& source : all.sources) EXPECT_TRUE(source.node);

  const Plan x = MakePlan(config, {"a/x"});
  EXPECT_THAT(NamesOf(x.pipelines), ElementsAre("a/x"));
  ASSERT_EQ(x.sources.size(), 1);
  EXPECT_EQ(x.sources[0].database, "x");
  EXPECT_EQ(x.pipelines[0].tables.size(), 1);
  EXPECT_EQ(x.pipelines[0].captured.size(), 1);

  EXPECT_THAT(NamesOf(MakePlan(config, {"a"}).pipelines), ElementsAre("a/x", "a/hub"));
  EXPECT_THAT(NamesOf(MakePlan(config, {"hub"}).pipelines), ElementsAre("a/hub", "b/hub"));
}

TEST(TwoWayConfigTest, CirclesAreNamed) {
  EXPECT_THAT(TwoWayMessageFor(R"(  a: {between: [hub, x], tables: {items: {}}}
  b: {between: [x, y], tables: {items: {}}}
  c: {between: [y, hub], tables: {items: {to: items}}}
)"),
              HasSubstr("changes would go round: hub public.items -> x items -> y items -> hub "
                        "public.items"));
  EXPECT_THAT(TwoWayMessageFor(R"(  a: {from: x, to: y, tables: {items: {}}}
  b: {from: y, to: x, tables: {items: {}}}
)"),
              HasSubstr("changes would go round: x items -> y items -> x items"));
  EXPECT_THAT(TwoWayMessageFor(R"(  a: {between: [x, y], tables: {items: {}}}
  b: {from: y, to: x, tables: {items: {}}}
)"),
              HasSubstr("changes would go round"));
  // Two leaves of one hub, a chain, a copy of one side, and other tables the other way round.
  EXPECT_EQ(TwoWayMessageFor(R"(  a: {between: [hub, x], tables: {items: {}}}
  b: {between: [hub, y], tables: {items: {}}}
  c: {from: x, to: y, tables: {orders: {}}}
  d: {from: y, to: x, tables: {bills: {}}}
)"),
            "no mistake was found");
}

TEST(TwoWayConfigTest, WhatBelongsToOneDirectionIsRefused) {
  const auto table = [](const std::string& rule) {
    return TwoWayMessageFor("  a: {between: [hub, x], tables: {items: " + rule + "}}\n");
  };
  EXPECT_THAT(table("{omit: [note]}"), HasSubstr("\"omit\" is for one direction"));
  EXPECT_THAT(table("{where: \"a > 1\"}"), HasSubstr("\"where\" is for one direction"));
  EXPECT_THAT(table("{deletes: {by: soft, column: gone}}"), HasSubstr("\"deletes: soft\""));
  EXPECT_THAT(table("{on_delete: ignore}"), HasSubstr("\"on_delete\""));
  EXPECT_THAT(table("{conflict: {prefer: [hub]}}"), HasSubstr("belongs to a pipeline"));
  EXPECT_THAT(table("{conflict: source_wins}"), HasSubstr("each side is source and target"));
  EXPECT_THAT(TwoWayMessageFor("  a: {between: [hub, x], tables: {\"public.*\": {}}}\n"),
              HasSubstr("name the tables one by one"));
  EXPECT_THAT(TwoWayMessageFor("  a: {between: [hub], tables: {items: {}}}\n"),
              HasSubstr("must name two databases"));
  EXPECT_THAT(TwoWayMessageFor("  a: {between: [hub, z], tables: {items: {}}}\n"),
              HasSubstr("unknown database \"z\""));
  EXPECT_THAT(TwoWayMessageFor("  a: {from: hub, to: x, max_skew: 1s, tables: {items: {}}}\n"),
              HasSubstr("\"max_skew\" belongs to a pipeline with \"between\""));
  EXPECT_THAT(
      TwoWayMessageFor("  a: {from: hub, to: x, conflict: {prefer: [hub]}, tables: {items: {}}}\n"),
      HasSubstr("\"conflict\" {prefer: [..]} belongs to a pipeline with \"between\""));
}

}  // namespace
}  // namespace syncline::cli
