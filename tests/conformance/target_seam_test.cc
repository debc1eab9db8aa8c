// What every target must do alike, through the interface that a stage knows: also those that are no
// SQL databases, which the rest of the suites cannot ask for rows.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/apply_stage.h"
#include "apply/lines/file_output.h"
#include "apply/lines/lines_target.h"
#include "apply/target/sql_target.h"
#include "engine/model/value_text.h"
#include "engine/sql/session.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

const TableName kSource{"public", "items"};

class TargetSeam : public testing::TestWithParam<const char*> {
 protected:
  bool is_lines() const { return std::string(GetParam()) == "Lines"; }

  TargetMaker Maker() {
    const TableMapping table{.source = kSource, .target = {"", "items"}};
    if (!is_lines()) return SqlTargetAt(Url(), {table});
    return LinesTargetAt(std::make_shared<FileOutput>(folder_.path() / "out.jsonl"), {table},
                         [](const LoggedChange& logged, const std::vector<std::string>&) {
                           return logged.schema() == nullptr ? "" : ToText(logged.change().row[1]);
                         });
  }
  std::unique_ptr<Target> Make(const std::string& pipeline = "p") {
    return Maker()({.pipeline = pipeline, .source = "test:source", .logger = test::QuietLogger()});
  }
  ApplyStats const& Run(std::optional<ApplyStage>& stage, LogReader& reader) {
    stage.emplace(Maker(), ApplyOptions{.pipeline = "p", .once = true}, reader, clock_,
                  test::QuietLogger());
    stage->Run({});
    return stage->stats();
  }
  uint64_t Run(test::TestLog& log) {
    const auto reader = log.NewReader();
    std::optional<ApplyStage> stage;
    return Run(stage, *reader).next_offset;
  }
  void Put(test::TestLog& log, int id, const std::string& name) {
    log.Cut([&](CutWriter& writer) {
      writer.Add(test::ItemsSchema(), test::Item(id, name, ++stamp_));
    });
  }
  // The names that are on the target; deviation: lines keep those that came before.
  std::string Names() {
    std::string names;
    if (is_lines()) {
      std::ifstream in(folder_.path() / "out.jsonl");
      for (std::string line; std::getline(in, line);) names += line;
      return names;
    }
    const auto session = sql::Session::Open(Url());
    for (const auto& row : session->Query("SELECT name FROM items ORDER BY id").rows) {
      names += row.at(0).value_or("");
    }
    return names;
  }
  Progress At(uint64_t next, uint64_t hash) {
    return {.pipeline = "p",
            .log_id = log_.log().info().id.ToString(),
            .epoch = 1,
            .next = Offset(next),
            .reached = Offset(next),
            .frame_hash = hash};
  }

  sql::DatabaseUrl Url() {
    return sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "target.db").string());
  }

  test::TempFolder folder_;
  ManualClock clock_;
  test::TestLog log_{clock_};
  int64_t stamp_ = 0;
};

TEST_P(TargetSeam, NothingWasAppliedAtFirst) {
  const auto target = Make();
  target->Open();
  EXPECT_FALSE(target->Resume(log_.log().info()));
  target->Begin({});
  EXPECT_FALSE(target->Resume(log_.log().info()));
}

TEST_P(TargetSeam, ABatchMovesThePositionAndAnotherObjectKnows) {
  {
    const auto target = Make();
    target->Open();
    ASSERT_FALSE(target->Resume(log_.log().info()));
    target->Begin({});
    target->Apply({.name = "empty"}, {}, At(5, 7), {});
  }
  const auto target = Make();
  target->Open();
  const auto progress = target->Resume(log_.log().info());
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->next, Offset(5));
  EXPECT_EQ(progress->frame_hash, 7u);
  EXPECT_EQ(progress->log_id, log_.log().info().id.ToString());
}

TEST_P(TargetSeam, WhoIsNotWhereTheTargetIsMayNotGoOn) {
  const auto target = Make();
  target->Open();
  target->Resume(log_.log().info());
  target->Begin({});
  target->Apply({.name = "one"}, {}, At(5, 7), {});
  try {
    target->Apply({.name = "two"}, At(4, 7), At(6, 8), {});
    FAIL() << "went on from elsewhere";
  } catch (const Error& error) {
    EXPECT_EQ(error.reaction(), Reaction::kRestart) << error.message();
  }
  target->Close();
  target->Open();
  EXPECT_EQ(target->Resume(log_.log().info())->next, Offset(5));
}

TEST_P(TargetSeam, AStageBringsWhatIsThereOnceAndGoesOn) {
  Put(log_, 1, "a");
  EXPECT_EQ(Run(log_), 1u);
  EXPECT_EQ(Run(log_), 1u);
  Put(log_, 2, "b");
  EXPECT_EQ(Run(log_), 2u);
  EXPECT_EQ(Names(), "ab");
}

TEST_P(TargetSeam, ALogThatIsFoldedIsBroughtThroughItsBase) {
  Put(log_, 1, "a");
  Put(log_, 2, "b");
  log_.Fold();
  Put(log_, 3, "c");
  EXPECT_EQ(Run(log_), log_.end().value());
  EXPECT_EQ(Run(log_), log_.end().value());
  EXPECT_EQ(Names(), "abc");
}

TEST_P(TargetSeam, AnotherLogIsRefusedAndNothingIsTouched) {
  Put(log_, 1, "a");
  Run(log_);
  test::TestLog other(clock_);
  Put(other, 2, "b");
  try {
    Run(other);
    FAIL() << "another log was applied";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2) << error.message();
    EXPECT_FALSE(error.hint().empty());
  }
  EXPECT_EQ(Names(), "a");
}

TEST_P(TargetSeam, ALogThatHasLostItsEndIsDamaged) {
  Put(log_, 1, "a");
  Put(log_, 2, "b");
  Run(log_);
  log_.CutAt(Offset(1));
  try {
    Run(log_);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.reaction(), Reaction::kDamage) << error.message();
  }
  EXPECT_EQ(Names(), "ab");
}

INSTANTIATE_TEST_SUITE_P(Each, TargetSeam, testing::Values("Sqlite", "Lines"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace syncline::apply
