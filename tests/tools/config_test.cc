#include "tools/config/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/base/error.h"
#include "engine/log/log_catalog.h"

namespace syncline::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A configuration without mistakes; the tests break one line of it at a time.
constexpr const char* kGood = R"(log: ./syncline-log
databases:
  shop: postgresql://reader@localhost/shop
  mirror: sqlite:mirror.db
defaults: {every: 200ms, cursor: updated_at, conflict: latest_wins, deletes: none}
pipelines:
  shop-to-mirror:
    from: shop
    to: mirror
    tables:
      public.items: {to: items, key: [id], columns: {id: source_id}, omit: [note], where: "category < 50"}
      public.orders: {}
)";

Config Parse(const std::string& text) { return ParseConfig(text, "/etc/sync/syncline.yaml"); }

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string MessageFor(const std::string& text) {
  try {
    Parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_THAT(error.hint(), Not(testing::IsEmpty()));
    return error.message();
  }
  return "no mistake was found";
}

// What is said when one line of the good configuration is another one.
std::string MessageAfter(const std::string& from, const std::string& to) {
  return MessageFor(Replaced(kGood, from, to));
}

// Seen to fail where a repair of the one log took the other for what an earlier repair had left.
TEST(ConfigTest, ALogThatWouldLieInTheWayOfARepairIsRefused) {
  const auto with = [](const std::string& name) {
    std::string text = kGood;
    for (const char* place : {"  mirror: sqlite:mirror.db\n", "pipelines:\n"}) {
      const bool is_database = std::string_view(place).starts_with(' ');
      text = Replaced(text, place,
                      place + (is_database ? fmt::format("  {}: sqlite:other.db\n", name)
                                           : fmt::format("  b: {{from: {}, to: mirror, tables: "
                                                         "{{t: {{}}}}}}\n",
                                                         name)));
    }
    return text;
  };
  for (const char* name : {"shop.repair", "shop.salvage", "shop.damaged-20261201T000000Z"}) {
    EXPECT_THAT(MessageFor(with(name)),
                AllOf(HasSubstr(":5: "), HasSubstr("beside that of \"shop\"")));
  }
  for (const char* name : {"shop.repairs", "repair", "shop-repair", "sho.repair"}) {
    EXPECT_EQ(MessageFor(with(name)), "no mistake was found");
  }
}

// Seen to fail where the one emptied what the other had written.
TEST(ConfigTest, LinesGoToNoOtherFileOfTheConfiguration) {
  const auto with = [](const std::string& path) {
    return MessageFor(std::string(kGood) +
                      fmt::format("  a: {{from: mirror, to: 'jsonl:a', tables: {{t: {{}}}}}}\n"
                                  "  b: {{from: mirror, to: 'jsonl:{}', tables: {{t: {{}}}}}}\n",
                                  path));
  };
  EXPECT_THAT(with("mirror.db"), HasSubstr("which is database \"mirror\""));
  EXPECT_THAT(with("x/../a.position"), HasSubstr("which is the position of jsonl:/etc/sync/a"));
  EXPECT_THAT(with("a.position.new"), HasSubstr("which is the position of"));
  EXPECT_THAT(with("./a"), HasSubstr("both write to"));
  EXPECT_EQ(with("b"), "no mistake was found");
}

// Seen to fail where two names were given to one file, of which the system sees what is before.
TEST(ConfigTest, AZeroByteNamesNothing) {
  EXPECT_THAT(MessageAfter("sqlite:mirror.db", "\"sqlite:mirror.db\\0x\""), HasSubstr("zero byte"));
  EXPECT_THAT(MessageAfter("postgresql://reader@localhost/shop",
                           "\"postgresql://reader@localhost/shop\\0x\""),
              HasSubstr("zero byte"));
  EXPECT_THAT(MessageAfter("sqlite:mirror.db", "\"jsonl:out\\0x\""), HasSubstr("names no file"));
  EXPECT_THAT(MessageAfter("./syncline-log", "\"log\\0x\""), HasSubstr("log"));
}

TEST(ConfigTest, TheExampleOfTheDocumentationIsUnderstoodInFull) {
  setenv("SYNCLINE_TEST_PASSWORD", "secret", 1);
  const Config config = Parse(Replaced(kGood, "reader@", "reader:${SYNCLINE_TEST_PASSWORD}@"));
  EXPECT_EQ(config.log, "/etc/sync/syncline-log");
  EXPECT_EQ(config.Log("shop")->Describe(), "/etc/sync/syncline-log/shop");
  EXPECT_THAT(config.Database("shop").url.connection, HasSubstr("secret"));
  EXPECT_THAT(config.Database("shop").url.display, Not(HasSubstr("secret")));
  EXPECT_EQ(config.Database("mirror").url.connection, "/etc/sync/mirror.db");
  const PipelineConfig& pipeline = config.Pipeline("shop-to-mirror");
  EXPECT_EQ(pipeline.every.least, std::chrono::milliseconds(200));
  EXPECT_EQ(pipeline.every.most, std::chrono::milliseconds(200));
  ASSERT_EQ(pipeline.tables.size(), 2u);
  const TableRule& items = pipeline.tables[0];
  EXPECT_EQ(items.to, "items");
  EXPECT_THAT(items.key, ElementsAre("id"));
  EXPECT_EQ(items.cursor, "updated_at");
  EXPECT_THAT(items.columns, ElementsAre(std::pair("id", "source_id")));
  EXPECT_THAT(items.omit, ElementsAre("note"));
  EXPECT_EQ(items.where, "category < 50");
  EXPECT_TRUE(items.create);
  EXPECT_EQ(pipeline.tables[1].pattern, "public.orders");
}

TEST(ConfigTest, ASettingOfATableBeatsItsPipelineWhichBeatsTheDefaults) {
  std::string text =
      Replaced(kGood, "    tables:", "    every: 1m\n    conflict: source_wins\n    tables:");
  text =
      Replaced(text, "public.orders: {}", "public.orders: {conflict: target_wins, cursor: seen}");
  const Config config = Parse(text);
  const PipelineConfig& pipeline = config.Pipeline("shop-to-mirror");
  EXPECT_EQ(pipeline.every.least, std::chrono::minutes(1));
  EXPECT_EQ(pipeline.every.most, std::chrono::minutes(1));
  EXPECT_EQ(pipeline.tables[0].conflict, apply::ConflictRule::kSourceWins);
  EXPECT_EQ(pipeline.tables[1].conflict, apply::ConflictRule::kTargetWins);
  EXPECT_EQ(pipeline.tables[0].cursor, "updated_at");
  EXPECT_EQ(pipeline.tables[1].cursor, "seen");
}

TEST(ConfigTest, ALimitForRowsIsASizeThatFitsIntoAFrame) {
  const auto with = [](const std::string& size) {
    return "public.orders: {max_row: " + size + "}";
  };
  const Config config = Parse(Replaced(kGood, "public.orders: {}", with("16MiB")));
  EXPECT_EQ(config.Pipeline("shop-to-mirror").tables[1].max_row, 16u << 20);
  EXPECT_EQ(config.Pipeline("shop-to-mirror").tables[0].max_row, 64u << 20);
  for (const char* wrong : {"1kB", "200MiB", "much"}) {
    EXPECT_THAT(MessageAfter("public.orders: {}", with(wrong)),
                AllOf(HasSubstr("max_row"), HasSubstr("1MiB to 128MiB")));
  }
}

TEST(ConfigTest, ACursorMayBeTwoColumnsAndNothingElse) {
  const auto with = [](const std::string& cursor) {
    return "public.orders: {cursor: \"" + cursor + "\"}";
  };
  const std::string good = "coalesce(updated_at, created_at)";
  const Config config = Parse(Replaced(kGood, "public.orders: {}", with(good)));
  EXPECT_EQ(config.Pipeline("shop-to-mirror").tables[1].cursor, good);
  EXPECT_THAT(MessageAfter("public.orders: {}", with("coalesce(a, b, c)")),
              AllOf(HasSubstr("coalesce(a, b, c)"), HasSubstr("two columns")));
}

TEST(ConfigTest, ChangedColumnsPauseUnlessItIsSaidOtherwise) {
  const auto choice_with = [](const std::string& table) {
    return Parse(Replaced(kGood, "public.orders: {}", "public.orders: {" + table + "}"))
        .Pipeline("shop-to-mirror")
        .tables[1]
        .changed_columns;
  };
  EXPECT_EQ(choice_with(""), apply::ChangedColumns::kPause);
  EXPECT_EQ(choice_with("changed_columns: keep"), apply::ChangedColumns::kKeep);
  EXPECT_THAT(MessageAfter("public.orders: {}", "public.orders: {changed_columns: follow}"),
              HasSubstr("valid: pause, keep"));
}

// Fails when `create: false` alone lets columns be added, or when it overrules what is said.
TEST(ConfigTest, NewColumnsAreAddedUnlessItIsSaidOtherwiseOrNothingMayBeMade) {
  const auto choice_with = [](const std::string& defaults, const std::string& table) {
    std::string text = Replaced(kGood, "deletes: none", "deletes: none" + defaults);
    text = Replaced(text, "public.orders: {}", "public.orders: {" + table + "}");
    return Parse(text).Pipeline("shop-to-mirror").tables[1].new_columns;
  };
  EXPECT_EQ(choice_with("", ""), apply::NewColumns::kEvolve);
  EXPECT_EQ(choice_with("", "create: false"), apply::NewColumns::kPause);
  EXPECT_EQ(choice_with("", "create: false, new_columns: evolve"), apply::NewColumns::kEvolve);
  EXPECT_EQ(choice_with(", new_columns: ignore", "create: false"), apply::NewColumns::kIgnore);
  EXPECT_EQ(choice_with(", new_columns: ignore", "new_columns: pause"), apply::NewColumns::kPause);
}

TEST(ConfigTest, TablesMayBeAListOfNames) {
  const std::string text =
      Replaced(kGood, std::string(kGood).substr(std::string(kGood).find("    tables:")),
               "    tables: [public.a, \"public.b_*\"]\n");
  const Config config = Parse(text);
  const auto& tables = config.Pipeline("shop-to-mirror").tables;
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_FALSE(tables[0].is_glob);
  EXPECT_TRUE(tables[1].is_glob);
}

TEST(ConfigTest, AnUnknownKeyIsToldWithItsLineAndTheNearestOne) {
  EXPECT_THAT(MessageAfter("omit:", "ommit:"),
              AllOf(HasSubstr("/etc/sync/syncline.yaml:11: "), HasSubstr("\"ommit\""),
                    HasSubstr("did you mean \"omit\"?"), HasSubstr("valid: to, key")));
  EXPECT_THAT(MessageAfter("databases:", "database:"), HasSubstr("syncline.yaml:2: "));
  EXPECT_THAT(MessageAfter("conflict: latest_wins", "conflicts: latest_wins"),
              AllOf(HasSubstr("syncline.yaml:5: "), HasSubstr("did you mean \"conflict\"?")));
  EXPECT_THAT(MessageAfter("    to: mirror", "    to: mirror\n    tabels: {}"),
              AllOf(HasSubstr("syncline.yaml:10: "), HasSubstr("did you mean \"tables\"?")));
}

TEST(ConfigTest, AllMistakesAreToldAtOnceInTheOrderOfTheirLines) {
  std::string text = Replaced(kGood, "every: 200ms", "every: soon");
  text = Replaced(text, "to: mirror", "to: miror");
  text = Replaced(text, "where:", "were:");
  const std::string message = MessageFor(text);
  EXPECT_THAT(message, HasSubstr("3 mistakes"));
  EXPECT_LT(message.find("syncline.yaml:5:"), message.find("syncline.yaml:9:"));
  EXPECT_LT(message.find("syncline.yaml:9:"), message.find("syncline.yaml:11:"));
}

TEST(ConfigTest, AnUnknownDatabaseIsToldWithTheNearestOne) {
  EXPECT_THAT(MessageAfter("from: shop", "from: shpo"),
              AllOf(HasSubstr("syncline.yaml:8: "), HasSubstr("\"shpo\""),
                    HasSubstr("did you mean \"shop\"?")));
}

TEST(ConfigTest, WhatIsRequiredAndMissingIsTold) {
  EXPECT_THAT(MessageAfter("log: ./syncline-log", "# no log"), HasSubstr("lacks \"log\""));
  EXPECT_THAT(MessageAfter("    from: shop\n", ""),
              AllOf(HasSubstr("syncline.yaml:8: pipeline"), HasSubstr("lacks \"from\"")));
  EXPECT_THAT(MessageFor("log: x\ndatabases: {a: 'sqlite:a'}\n"), HasSubstr("no pipelines"));
  EXPECT_THAT(MessageFor(""), HasSubstr("no databases"));
  EXPECT_THAT(MessageAfter("cursor: updated_at, conflict", "conflict"),
              AllOf(HasSubstr("syncline.yaml:11: "), HasSubstr("no cursor column")));
}

TEST(ConfigTest, WrongKindsOfValuesAreTold) {
  EXPECT_THAT(MessageAfter("log: ./syncline-log", "log: [a, b]"),
              AllOf(HasSubstr("syncline.yaml:1: "), HasSubstr("must be a text, not a list")));
  EXPECT_THAT(MessageAfter("public.orders: {}", "public.orders: 5"),
              AllOf(HasSubstr("syncline.yaml:12: "), HasSubstr("must be a mapping")));
  EXPECT_THAT(MessageAfter("public.orders: {}", "public.orders: {create: perhaps}"),
              HasSubstr("must be true or false"));
  EXPECT_THAT(MessageAfter("every: 200ms", "every: 0s"), HasSubstr("\"every\" must be a duration"));
  EXPECT_THAT(MessageAfter("every: 200ms", "every: {min: 5ms, max: soon}"),
              HasSubstr("\"max\" must be a duration"));
  EXPECT_THAT(MessageAfter("every: 200ms", "every: {min: 2s, max: 1s}"),
              HasSubstr("must not be longer than \"max\""));
  EXPECT_THAT(MessageAfter("every: 200ms", "every: {min: 2s}"), HasSubstr("lacks \"max\""));
  EXPECT_THAT(MessageAfter("every: 200ms", "load: {workers: 0}"),
              HasSubstr("\"workers\" must be a number from 1 to 64"));
  EXPECT_THAT(MessageAfter("every: 200ms", "load: {rate: 50MB}"),
              HasSubstr("a size each second, such as 50MB/s"));
  EXPECT_THAT(MessageAfter("public.orders: {}", "public.orders: {new_columns: evolv}"),
              AllOf(HasSubstr("syncline.yaml:12: "), HasSubstr("unknown value for \"new_columns\""),
                    HasSubstr("did you mean \"evolve\"?")));
  EXPECT_THAT(MessageAfter("conflict: latest_wins", "conflict: lastest_wins"),
              HasSubstr("did you mean \"latest_wins\"?"));
  EXPECT_THAT(MessageAfter("shop: postgresql://reader@localhost/shop", "shop: oracle://x"),
              AllOf(HasSubstr("syncline.yaml:3: "), HasSubstr("oracle")));
  EXPECT_THAT(MessageAfter("  shop-to-mirror:", "  ../up:"), HasSubstr("bad pipeline name"));
}

// Fails when a typing error in the limit means that nothing, or everything, is parked.
TEST(ConfigTest, TheQuarantinesLimitIsANumberOfAPipeline) {
  EXPECT_EQ(Parse(kGood).pipelines.at(0).quarantine_limit, 1'000u);
  const std::string own = "    quarantine: {limit: 0}\n    tables:";
  EXPECT_EQ(Parse(Replaced(kGood, "    tables:", own)).pipelines.at(0).quarantine_limit, 0u);
  EXPECT_THAT(MessageAfter("deletes: none", "deletes: none, quarantine: {limit: few}"),
              HasSubstr("\"limit\" must be a number"));
  EXPECT_THAT(MessageAfter("deletes: none", "deletes: none, quarantine: {limits: 3}"),
              HasSubstr("limit"));
  EXPECT_THAT(MessageAfter("public.orders: {}", "public.orders: {quarantine: {limit: 3}}"),
              HasSubstr("belongs to a pipeline"));
}

// Fails when the parser keeps the first or the last of the two in silence, as yaml-cpp alone does.
TEST(ConfigTest, AKeyThatStandsTwiceIsTold) {
  EXPECT_THAT(MessageAfter("  mirror:", "  shop: sqlite:other.db\n  mirror:"),
              AllOf(HasSubstr("syncline.yaml:4: "), HasSubstr("stands twice"),
                    HasSubstr("first in line 3")));
  EXPECT_THAT(MessageAfter("public.orders: {}", "public.orders: {}\n      orders: {to: other}"),
              AllOf(HasSubstr("syncline.yaml:13: "), HasSubstr("public.orders stands twice")));
}

TEST(ConfigTest, AnUnsetVariableIsToldWithItsLine) {
  unsetenv("SYNCLINE_TEST_UNSET");
  EXPECT_THAT(MessageAfter("reader@", "reader:${SYNCLINE_TEST_UNSET}@"),
              AllOf(HasSubstr("syncline.yaml:3: "), HasSubstr("SYNCLINE_TEST_UNSET is not set")));
  EXPECT_THAT(MessageAfter("reader@", "reader:${OPEN@"), HasSubstr("without its }"));
}

TEST(ConfigTest, DollarsMayStandForThemselves) {
  const Config config = Parse(Replaced(kGood, "category < 50", "name = '$${x}' OR name = '$1'"));
  EXPECT_EQ(config.Pipeline("shop-to-mirror").tables[0].where, "name = '${x}' OR name = '$1'");
}

TEST(ConfigTest, WhatIsNoYamlIsToldWithItsLine) {
  EXPECT_THAT(MessageFor("log: x\ndatabases: [unclosed\n"),
              AllOf(HasSubstr("syncline.yaml:3: "), HasSubstr("not YAML")));
  EXPECT_THAT(MessageFor("- a\n- b\n"), HasSubstr("must be a mapping"));
}

TEST(ConfigTest, TwoTablesCannotShareATarget) {
  EXPECT_THAT(MessageAfter("public.orders: {}", "public.orders: {to: items}"),
              AllOf(HasSubstr("syncline.yaml:12: "), HasSubstr("both go to items")));
}

TEST(ConfigTest, ATableCannotBeItsOwnTarget) {
  const std::string text = Replaced(kGood, "to: items", "to: others");
  const std::string message = MessageFor(Replaced(text, "    to: mirror", "    to: shop"));
  EXPECT_THAT(message, AllOf(HasSubstr("syncline.yaml:12: "), HasSubstr("its own target")));
  EXPECT_THAT(message, Not(HasSubstr("mistakes"))) << "another table there is a target like any";
}

TEST(ConfigTest, TwoPipelinesMustWantTheSameOfOneSourceTable) {
  const std::string second = R"(  second:
    from: shop
    to: mirror
    tables:
      public.orders: {to: other, where: "id > 5"}
)";
  EXPECT_THAT(MessageFor(kGood + second), AllOf(HasSubstr("syncline.yaml:17: "),
                                                HasSubstr("another where"), HasSubstr("one log")));
  EXPECT_NO_THROW(Parse(kGood + Replaced(second, ", where: \"id > 5\"", "")));
}

TEST(ConfigTest, SqliteTablesHaveNoSchema) {
  const std::string text = Replaced(kGood, "postgresql://reader@localhost/shop", "sqlite:shop.db");
  EXPECT_THAT(MessageFor(text), AllOf(HasSubstr("syncline.yaml:11: "), HasSubstr("has a schema")));
}

TEST(ConfigTest, AMissingFileIsAUsageErrorThatPointsToInit) {
  try {
    LoadConfig("/nowhere/syncline.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_THAT(error.message(), HasSubstr("/nowhere/syncline.yaml"));
    EXPECT_THAT(error.hint(), HasSubstr("syncline init"));
  }
}

}  // namespace
}  // namespace syncline::cli
