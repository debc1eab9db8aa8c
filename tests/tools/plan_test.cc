#include "tools/config/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "engine/log/log_catalog.h"

namespace syncline::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Config WithPipelines(const std::string& pipelines,
                     const std::string& source = "postgresql:///shop") {
  return ParseConfig("log: log\ndatabases: {shop: '" + source +
                         "', mirror: 'sqlite:mirror.db', copy: 'postgresql:///copy'}\n"
                         "defaults: {cursor: updated_at}\npipelines:\n" +
                         pipelines,
                     "/etc/syncline.yaml");
}

CatalogueTable Table(TableName name, const std::string& cursor = "updated_at") {
  CatalogueTable table;
  table.info.name = std::move(name);
  table.info.columns = {{.column = {"id", Type::kInt, "bigint", false}},
                        {.column = {cursor, Type::kTimestampTz, "timestamptz", false}},
                        {.column = {"note", Type::kText, "text", true}}};
  table.info.primary_key = {"id"};
  return table;
}

Catalogue Tables(std::vector<CatalogueTable> tables) {
  return [tables](const DatabaseConfig&) { return tables; };
}

// For plans that must not ask the source.
std::vector<CatalogueTable> NoCatalogue(const DatabaseConfig&) {
  ADD_FAILURE() << "the catalogue was read";
  return {};
}

std::vector<std::string> Names(const std::vector<apply::TableMapping>& tables) {
  std::vector<std::string> names;
  for (const auto& table : tables) {
    names.push_back(table.source.ToString() + ">" + table.target.ToString());
  }
  return names;
}

std::string MessageOf(const Config& config, const std::vector<std::string>& names,
                      const Catalogue& catalogue) {
  try {
    MakePlan(config, names, catalogue);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.message();
  }
  return "no mistake was found";
}

TEST(PlanTest, NamedTablesNeedNoCatalogue) {
  const Config config = WithPipelines(
      "  a: {from: shop, to: mirror, tables: {public.items: {}, sales.orders: {to: sold}}}\n");
  const Plan plan = MakePlan(config, {}, NoCatalogue);
  EXPECT_THAT(Names(plan.pipelines.at(0).tables),
              ElementsAre("public.items>items", "sales.orders>sold"));
  EXPECT_EQ(plan.sources.at(0).log->Describe(), "/etc/log/shop");
}

TEST(PlanTest, TargetNamesFollowTheDatabases) {
  const Config to_postgres =
      WithPipelines("  a: {from: shop, to: copy, tables: {items: {}, sales.orders: {}}}\n");
  EXPECT_THAT(Names(MakePlan(to_postgres, {}, NoCatalogue).pipelines.at(0).tables),
              ElementsAre("public.items>public.items", "sales.orders>sales.orders"));
  const Config from_sqlite =
      WithPipelines("  a: {from: shop, to: copy, tables: {items: {}}}\n", "sqlite:shop.db");
  EXPECT_THAT(Names(MakePlan(from_sqlite, {}, NoCatalogue).pipelines.at(0).tables),
              ElementsAre("items>public.items"));
}

TEST(PlanTest, AGlobFindsTablesAndAnEntryOfItsOwnComesFirst) {
  const Config config = WithPipelines(
      "  a: {from: shop, to: copy, tables: {public.*: {to: 'in.x_*', omit: [note, nothing]}, "
      "public.b: {}}}\n");
  const Plan plan = MakePlan(
      config, {}, Tables({Table({"public", "a"}), Table({"public", "b"}), Table({"other", "c"})}));
  EXPECT_THAT(Names(plan.pipelines.at(0).tables),
              ElementsAre("public.b>public.b", "public.a>in.x_a"));
  EXPECT_THAT(plan.pipelines.at(0).tables[1].omit, ElementsAre("note"))
      << "a glob's columns hold for the tables that have them";
}

TEST(PlanTest, AStarAloneIsEverySchemaAndAGlobWithoutSchemaIsPublic) {
  const Catalogue catalogue = Tables({Table({"public", "a"}), Table({"other", "a"})});
  const Config all = WithPipelines("  a: {from: shop, to: copy, tables: {'*': {}}}\n");
  EXPECT_THAT(MakePlan(all, {}, catalogue).pipelines.at(0).tables, SizeIs(2));
  const Config some = WithPipelines("  a: {from: shop, to: copy, tables: {'a*': {}}}\n");
  EXPECT_THAT(Names(MakePlan(some, {}, catalogue).pipelines.at(0).tables),
              ElementsAre("public.a>public.a"));
}

TEST(PlanTest, AGlobThatFindsNothingIsAMistakeWithItsLine) {
  const Config config = WithPipelines("  a: {from: shop, to: copy, tables: {sales.*: {}}}\n");
  EXPECT_THAT(MessageOf(config, {}, Tables({Table({"public", "a"})})),
              AllOf(HasSubstr("/etc/syncline.yaml:5: "), HasSubstr("matches no table")));
}

TEST(PlanTest, WhatAGlobFindsAndCannotBeCapturedIsLeftOutWithAWarning) {
  const Config config = WithPipelines("  a: {from: shop, to: copy, tables: {public.*: {}}}\n");
  CatalogueTable keyless = Table({"public", "keyless"});
  keyless.info.primary_key.clear();
  CatalogueTable unreadable{{.name = {"public", "secret"}}, "permission denied"};
  const Plan plan = MakePlan(
      config, {},
      Tables({Table({"public", "a"}), keyless, Table({"public", "late"}, "changed"), unreadable}));
  EXPECT_THAT(Names(plan.pipelines.at(0).tables), ElementsAre("public.a>public.a"));
  EXPECT_THAT(plan.warnings,
              ElementsAre(AllOf(HasSubstr("public.keyless"), HasSubstr("key")),
                          AllOf(HasSubstr("public.late"), HasSubstr("no cursor column")),
                          AllOf(HasSubstr("public.secret"), HasSubstr("permission denied"))));
  EXPECT_THAT(MessageOf(config, {}, Tables({keyless})), HasSubstr("can be captured"));
}

TEST(PlanTest, OneSourceIsCapturedOnceForAllItsPipelines) {
  const Config config = WithPipelines(
      "  a: {from: shop, to: mirror, every: 5s, tables: {public.items: {omit: [x, y]}}}\n"
      "  b: {from: shop, to: copy, every: 1s, tables: {public.items: {omit: [y], columns: {w: "
      "z}}, public.more: {}}}\n");
  const Plan plan = MakePlan(config, {"a"}, NoCatalogue);
  ASSERT_THAT(plan.sources, SizeIs(1));
  ASSERT_THAT(plan.pipelines, SizeIs(1));
  const SourcePlan& source = plan.sources[0];
  EXPECT_EQ(source.every.most, std::chrono::seconds(1));
  ASSERT_THAT(source.tables, SizeIs(2)) << "a pipeline that was not asked for shares the log";
  EXPECT_THAT(source.tables[0].omit, ElementsAre("y")) << "b wants x";
  EXPECT_THAT(source.tables[0].named, ElementsAre("x", "y", "y", "w"))
      << "what no target gets must be there all the same, or it is misspelt";
  EXPECT_THAT(plan.pipelines[0].tables.at(0).omit, ElementsAre("x", "y"));
}

TEST(PlanTest, NamesArePipelinesOrSources) {
  const Config config = WithPipelines(
      "  a: {from: shop, to: mirror, tables: {items: {}}}\n"
      "  b: {from: copy, to: mirror, tables: {items: {to: others}}}\n");
  EXPECT_EQ(MakePlan(config, {"b"}, NoCatalogue).sources.at(0).database, "copy");
  EXPECT_EQ(MakePlan(config, {"shop"}, NoCatalogue).pipelines.at(0).name, "a");
  EXPECT_THAT(MakePlan(config, {"a", "shop"}, NoCatalogue).pipelines, SizeIs(1));
  EXPECT_THAT(MessageOf(config, {"shpo"}, NoCatalogue), HasSubstr("did you mean \"shop\"?"));
}

}  // namespace
}  // namespace syncline::cli
