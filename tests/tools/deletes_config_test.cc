// `deletes` and `on_delete` in the configuration, and what plans make of them.

#include "tools/config/deletes_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tools/config/config.h"
#include "tools/config/plan.h"

namespace syncline::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Config Parse(const std::string& defaults, const std::string& table, const std::string& more = "") {
  return ParseConfig(
      "log: log\ndatabases: {shop: 'postgresql:///shop', mirror: 'sqlite:m.db'}\n"
      "defaults: {cursor: updated_at" +
          defaults +
          "}\npipelines:\n  p:\n    from: shop\n    to: mirror\n    tables:\n"
          "      items: {" +
          table + "}\n" + more,
      "/etc/syncline.yaml");
}

TableRule Rule(const std::string& defaults, const std::string& table) {
  return Parse(defaults, table).pipelines.at(0).tables.at(0);
}

std::string DeletesMessageFor(const std::string& table, const std::string& more = "") {
  try {
    Parse("", table, more);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.message();
  }
  return "no mistake was found";
}

TEST(DeletesConfigTest, EachWayIsUnderstoodAndATableBeatsTheDefaults) {
  EXPECT_EQ(Rule("", "").deletes, capture::Deletes());
  EXPECT_EQ(Rule("", "deletes: tombstones").deletes, capture::Deletes{.tombstones = true});
  EXPECT_EQ(Rule("", "deletes: {by: soft, column: gone}").deletes,
            capture::Deletes{.flag = "gone"});
  EXPECT_EQ(Rule(", deletes: tombstones", "").deletes, capture::Deletes{.tombstones = true});
  EXPECT_EQ(Rule(", deletes: tombstones", "deletes: {by: soft, column: gone}").deletes,
            capture::Deletes{.flag = "gone"});
  EXPECT_EQ(Rule(", deletes: tombstones", "deletes: none").deletes, capture::Deletes());
  using Reconcile = capture::Deletes::Reconcile;
  EXPECT_EQ(Rule("", "deletes: reconcile").deletes.reconcile, Reconcile());
  const Reconcile daily{.every = std::chrono::hours(24), .rate = 500};
  EXPECT_EQ(Rule("", "deletes: {by: reconcile, every: 1d, rate: 500}").deletes,
            capture::Deletes{.reconcile = daily});
  EXPECT_EQ(Rule("", "deletes: {by: tombstones, reconcile: 1d, rate: 500}").deletes,
            (capture::Deletes{.tombstones = true, .reconcile = daily}));
  using Limit = capture::DeleteLimit;
  EXPECT_EQ(Rule("", "deletes: {by: none, max_deletes: 500}").deletes.max_deletes,
            (Limit{.number = 500, .is_percentage = false}));
  EXPECT_EQ(Rule("", "deletes: {by: reconcile, max_deletes: 80%}").deletes.max_deletes,
            (Limit{.number = 80}));
}

TEST(DeletesConfigTest, HowManyDeletionsAreAllowed) {
  const capture::DeleteLimit half;
  EXPECT_EQ(half.Of(100), 100u);
  EXPECT_EQ(half.Of(101), 50u);
  EXPECT_EQ(half.Of(uint64_t{1} << 60), uint64_t{1} << 59);
  EXPECT_EQ((capture::DeleteLimit{.number = 7, .is_percentage = false}.Of(3)), 7u);
}

TEST(DeletesConfigTest, WhatItDoesToTheTargetIsUnderstood) {
  EXPECT_EQ(Rule("", "").on_delete.action, apply::OnDelete::kDelete);
  EXPECT_EQ(Rule(", on_delete: ignore", "").on_delete.action, apply::OnDelete::kIgnore);
  const OnDeleteChoice flag = Rule(", on_delete: ignore", "on_delete: {flag: gone}").on_delete;
  EXPECT_EQ(flag.action, apply::OnDelete::kFlag);
  EXPECT_EQ(flag.flag, "gone");
  EXPECT_EQ(Rule(", on_delete: {flag: gone}", "on_delete: delete").on_delete.flag, "");
}

TEST(DeletesConfigTest, MistakesAreToldWithTheirLineAndTheNearestName) {
  EXPECT_THAT(DeletesMessageFor("deletes: tombstone"),
              AllOf(HasSubstr("syncline.yaml:9: "), HasSubstr("did you mean \"tombstones\"?")));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: sofd, column: a}"),
              HasSubstr("did you mean \"soft\"?"));
  EXPECT_THAT(DeletesMessageFor("deletes: {column: a}"), HasSubstr("lacks \"by\""));
  EXPECT_THAT(DeletesMessageFor("deletes: soft"), HasSubstr("{by: soft, column: deleted_at}"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: tombstones, column: a}"),
              HasSubstr("\"by: soft\" only"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: soft, colum: a}"),
              HasSubstr("did you mean \"column\"?"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: none, max_deletes: half}"),
              HasSubstr("such as 50%"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: none, max_deletes: 101%}"),
              HasSubstr("such as 50%"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: tombstones, every: 1h}"),
              HasSubstr("\"every\" of \"deletes\" belongs to \"by: reconcile\" only"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: reconcile, every: soon}"), HasSubstr("a duration"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: reconcile, rate: 0}"),
              HasSubstr("\"rate\" must be"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: tombstones, rate: 5}"),
              HasSubstr("what reconciles"));
  EXPECT_THAT(DeletesMessageFor("deletes: {by: reconcile, reconcile: 1h}"),
              HasSubstr("\"by: tombstones\" only"));
  EXPECT_THAT(DeletesMessageFor("deletes: [soft]"), HasSubstr("\"deletes\""));
  EXPECT_THAT(DeletesMessageFor("on_delete: ignor"),
              AllOf(HasSubstr("syncline.yaml:9: "), HasSubstr("did you mean \"ignore\"?")));
  EXPECT_THAT(DeletesMessageFor("on_delete: flag"), HasSubstr("on_delete: {flag: deleted_at}"));
  EXPECT_THAT(DeletesMessageFor("on_delete: {flg: a}"),
              AllOf(HasSubstr("did you mean \"flag\"?"), HasSubstr("lacks \"flag\"")));
}

// Fails when the log of one source would have to hold deletions for one pipeline and not for
// another, or when two pipelines must do the same with them.
TEST(DeletesConfigTest, PipelinesOfOneSourceAgreeOnHowDeletionsAreFoundOnly) {
  const auto second = [](const std::string& table) {
    return "  q:\n    from: shop\n    to: mirror\n    tables:\n      items: {to: other" + table +
           "}\n";
  };
  EXPECT_THAT(DeletesMessageFor("deletes: tombstones", second("")),
              AllOf(HasSubstr("syncline.yaml:14: "), HasSubstr("another deletes")));
  const Config config = Parse("", "deletes: tombstones, on_delete: ignore",
                              second(", deletes: tombstones, on_delete: {flag: gone}"));
  const Plan plan = MakePlan(config, {});
  EXPECT_EQ(plan.sources.at(0).tables.at(0).deletes, capture::Deletes{.tombstones = true});
  EXPECT_EQ(plan.pipelines.at(0).tables.at(0).on_delete, apply::OnDelete::kIgnore);
  EXPECT_EQ(plan.pipelines.at(1).tables.at(0).on_delete, apply::OnDelete::kFlag);
  EXPECT_EQ(plan.pipelines.at(1).tables.at(0).flag, "gone");
}

// Fails when the column that tells deleted rows cannot be kept from a target.
TEST(DeletesConfigTest, TheFlagIsCapturedAlthoughNoTargetGetsIt) {
  const Plan plan =
      MakePlan(Parse("", "deletes: {by: soft, column: gone}, omit: [gone, note]"), {});
  EXPECT_THAT(plan.sources.at(0).tables.at(0).omit, ElementsAre("note"));
  EXPECT_THAT(plan.pipelines.at(0).tables.at(0).omit, ElementsAre("gone", "note"));
}

}  // namespace
}  // namespace syncline::cli
