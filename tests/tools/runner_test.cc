#include "tools/service/runner.h"

#include <gmock/gmock.h>

#include <future>
#include <sstream>
#include <thread>

#include "engine/base/logger.h"
#include "tests/support/text_logger.h"
#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kItems =
    "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, updated_at INTEGER NOT NULL);"
    "CREATE INDEX items_updated_at ON items(updated_at);";

class RunnerTest : public SqliteFilesTest {
 protected:
  RunnerTest() {
    Execute("source",
            kItems + std::string("INSERT INTO items VALUES (1, 'one', 1), (2, 'two', 2)"));
  }

  // One pipeline from "source" to each of the targets, named like them.
  Plan PlanTo(const std::vector<std::string>& targets) {
    std::string text = "log: log\ndatabases:\n  source: sqlite:source.db\n";
    for (const auto& target : targets) text += "  " + target + ": sqlite:" + target + ".db\n";
    text += "defaults: {every: 5ms, cursor: updated_at}\npipelines:\n";
    for (const auto& target : targets) {
      text += "  to-" + target + ": {from: source, to: " + target + ", tables: [items]}\n";
    }
    return MakePlan(ParseConfig(text, folder_ / "syncline.yaml"), {});
  }

  std::unique_ptr<Runner> NewRunner(Plan plan, Runner::Options options) {
    return std::make_unique<Runner>(std::move(plan), options, clock_, logger_);
  }

  // Runs until the pipeline has applied `offset`; fails when the runner ends before.
  void RunUntil(Runner& runner, const std::string& pipeline, Offset offset) {
    std::stop_source stop;
    auto done = std::async(std::launch::async, [&] { runner.Run(stop.get_token()); });
    while (done.wait_for(std::chrono::milliseconds(1)) == std::future_status::timeout) {
      const Activity activity = runner.watch().Look();
      auto found = activity.applies.find(pipeline);
      if (found != activity.applies.end() && found->second.next >= offset) stop.request_stop();
    }
    done.get();
    EXPECT_TRUE(stop.stop_requested());
  }

  std::string Names(const std::string& target) {
    return One(target, "SELECT group_concat(name) FROM (SELECT name FROM items ORDER BY id)");
  }

  SystemClock clock_;
  std::shared_ptr<test::TextLogger> logger_ = std::make_shared<test::TextLogger>();
};

TEST_F(RunnerTest, AfterOnceTheTargetsHoldTheSource) {
  NewRunner(PlanTo({"a", "b"}), {.once = true})->Run({});
  EXPECT_EQ(Names("a"), "one,two");
  EXPECT_EQ(Names("b"), "one,two");
  Execute("source", "UPDATE items SET name = 'TWO', updated_at = 3 WHERE id = 2");
  NewRunner(PlanTo({"a", "b"}), {.once = true})->Run({});
  EXPECT_EQ(Names("a"), "one,TWO");
  EXPECT_EQ(Names("b"), "one,TWO");
}

TEST_F(RunnerTest, AStopEndsALiveRunWithoutAnError) {
  auto runner = NewRunner(PlanTo({"a"}), {});
  RunUntil(*runner, "to-a", Offset(2));
  EXPECT_EQ(Names("a"), "one,two");
  const Activity activity = runner->watch().Look();
  EXPECT_EQ(activity.captures.at("source").changes_logged, 2u)
      << "counts stay when stages have ended";
}

// Fails when an error leaves the thread that it came up in, or ends the threads beside it.
TEST_F(RunnerTest, AFailedPipelineDoesNotStopTheOther) {
  Execute("bad", "CREATE TABLE items(id INTEGER, name TEXT, updated_at INTEGER)");  // no key
  try {
    NewRunner(PlanTo({"bad", "good"}), {.once = true})->Run({});
    FAIL() << "the failure was not told";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_THAT(error.message(), HasSubstr("items"));
  }
  EXPECT_EQ(Names("good"), "one,two");
  EXPECT_THAT(logger_->text(), HasSubstr("stopped by an error name=to-bad"));
}

// Fails (by never ending) when a capture goes on for nobody.
TEST_F(RunnerTest, ALiveRunEndsWhenItsLastPipelineHasFailed) {
  Execute("bad", "CREATE TABLE items(id INTEGER, name TEXT, updated_at INTEGER)");
  EXPECT_THROW(NewRunner(PlanTo({"bad"}), {})->Run({}), Error);
}

TEST_F(RunnerTest, ASourceThatIsNotThereIsAnErrorAtOnce) {
  std::filesystem::remove(folder_ / "source.db");
  Plan plan = PlanTo({"a"});
  EXPECT_THROW(NewRunner(std::move(plan), {})->Run({}), Error);
}

TEST_F(RunnerTest, ApplyWaitsForALogThatIsNotThereYet) {
  auto apply = NewRunner(PlanTo({"a"}), {.capture = false});
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { apply->Run(stop.get_token()); });
  NewRunner(PlanTo({"a"}), {.apply = false, .once = true})->Run({});
  Offset next;
  while (next < Offset(2) &&
         waiting.wait_for(std::chrono::milliseconds(5)) == std::future_status::timeout) {
    const Activity activity = apply->watch().Look();
    if (activity.applies.contains("to-a")) next = activity.applies.at("to-a").next;
  }
  stop.request_stop();
  waiting.get();
  EXPECT_EQ(Names("a"), "one,two");
}

TEST_F(RunnerTest, ApplyOnceWithoutALogIsAnError) {
  EXPECT_THROW(NewRunner(PlanTo({"a"}), {.capture = false, .once = true})->Run({}), Error);
}

}  // namespace
}  // namespace syncline::cli
