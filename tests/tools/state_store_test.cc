#include "tools/history/state_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "engine/base/error.h"
#include "engine/sql/session.h"
#include "tests/support/any_sql.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class StateStoreTest : public testing::Test {
 protected:
  StateStoreTest() {
    std::string pattern = testing::TempDir() + "/syncline-runs-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~StateStoreTest() override { std::filesystem::remove_all(folder_); }

  RunRecord NewRun(const std::string& pipeline, const std::string& kind = "sync") {
    RunRecord run;
    run.pipeline = pipeline;
    run.kind = kind;
    run.started = clock_.Now();
    return run;
  }
  // Does something in a process of its own, which then just ends, as one that is killed does.
  template <typename Body>
  void InAnotherProcess(Body&& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      body();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    ASSERT_EQ(status, 0);
  }

  ManualClock clock_;
  std::filesystem::path folder_;
};

TEST_F(StateStoreTest, KeepsWhatARunWas) {
  clock_.Advance(1h);
  RunRecord run = NewRun("way");
  run.scheduled = clock_.Now() - 1s;
  run.missed = 3;
  {
    StateStore history(folder_, clock_);
    run.id = history.Begin(run);
    history.Begin(NewRun("other"));
    run.state = RunState::kFailed;
    run.ended = clock_.Now() + 5s;
    run.counts = {.polls = 1,
                  .captured = 2,
                  .applied = 3,
                  .written = 4,
                  .newer = 5,
                  .conflicts = 6,
                  .refused = 7};
    run.error = "it's a reason";
    history.Update(run);
  }
  StateStore history(folder_, clock_);
  const std::vector<RunRecord> runs = history.List({"way"}, 10);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].id, run.id);
  EXPECT_EQ(runs[0].state, RunState::kFailed);
  EXPECT_EQ(runs[0].started, run.started);
  EXPECT_EQ(runs[0].ended, run.ended);
  EXPECT_EQ(runs[0].scheduled, run.scheduled);
  EXPECT_EQ(runs[0].missed, 3u);
  EXPECT_EQ(runs[0].counts, run.counts);
  EXPECT_EQ(runs[0].error, run.error);
  EXPECT_EQ(history.List({}, 10).size(), 2u);
  EXPECT_EQ(history.List({}, 1).size(), 1u);
}

// Fails when a run's state is believed although its process has ended, and when one that lives is
// taken for dead.
TEST_F(StateStoreTest, ARunWhoseProcessHasEndedIsFailed) {
  StateStore history(folder_, clock_);
  history.Begin(NewRun("mine"));
  InAnotherProcess([&] { StateStore(folder_, clock_).Begin(NewRun("theirs")); });
  StateStore looking(folder_, clock_);
  for (StateStore* who : {&history, &looking}) {
    EXPECT_EQ(who->List({"mine"}, 1).at(0).state, RunState::kInProgress);
    EXPECT_EQ(who->List({"theirs"}, 1).at(0).state, RunState::kFailed);
    EXPECT_EQ(who->List({"theirs"}, 1).at(0).error, "the process ended before the run did");
  }
}

// Fails when runs are never removed, and when those of one kind push out those of another.
TEST_F(StateStoreTest, KeepsTheLastRunsOfEachPipelineAndKind) {
  StateStore history(folder_, clock_);
  history.Begin(NewRun("way", "verify"));
  const int64_t first = history.Begin(NewRun("way"));
  for (uint64_t i = 0; i < StateStore::kRunsMax; ++i) history.Begin(NewRun("way"));
  const std::vector<RunRecord> runs = history.List({"way"}, 10 * StateStore::kRunsMax);
  EXPECT_EQ(runs.size(), StateStore::kRunsMax + 1);
  EXPECT_EQ(runs.back().kind, "verify");
  EXPECT_EQ(runs[StateStore::kRunsMax - 1].id, first + 1);
}

TEST_F(StateStoreTest, APauseIsSeenByOtherProcesses) {
  StateStore history(folder_, clock_);
  history.Changed();
  EXPECT_FALSE(history.Changed());
  InAnotherProcess([&] { StateStore(folder_, clock_).Pause("way"); });
  EXPECT_TRUE(history.Changed());
  EXPECT_FALSE(history.Changed());
  EXPECT_THAT(history.Paused(), ElementsAre("way"));
  EXPECT_FALSE(history.Pause("way")) << "already";
  EXPECT_TRUE(history.Resume("way"));
  EXPECT_THAT(history.Paused(), ElementsAre());
}

// The file lies beside the logs and may come with them from elsewhere. Fails when what stands in it
// runs, ends the program by anything but an Error, or is not told: the code before called a
// trigger, and std::stoll threw what nobody catches.
TEST_F(StateStoreTest, AFileThatSomebodyElseMadeIsDamage) {
  for (const char* hostile :
       {"CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM paused; END",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE paused; CREATE VIEW paused AS SELECT 'p' AS pipeline, 1 AS since",
        "DROP TABLE paused; CREATE TABLE paused(pipeline TEXT, since AS (1))",
        "ALTER TABLE runs RENAME COLUMN error TO mistake",
        "INSERT INTO runs SELECT NULL, 'p', 'sync', 'InProgress', 'no number', 1, NULL, NULL, 0, "
        "0, "
        "0, 0, 0, 0, 0, 0, ''"}) {
    std::filesystem::remove(folder_ / "runs.db");
    { StateStore(folder_, clock_).Pause("way"); }
    {
      const auto session = sql::Session::Open(sql::DatabaseUrl::Parse("sqlite:runs.db", folder_));
      session->Execute(test::AnySql(hostile));
    }
    try {
      StateStore history(folder_, clock_);
      history.Begin(NewRun("way"));
      ADD_FAILURE() << hostile;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 4) << hostile << ": " << error.message();
      EXPECT_THAT(error.hint(), testing::HasSubstr("move it away"));
    }
  }
}

TEST_F(StateStoreTest, RunsOfNoSenseAreDamageWhereTheyAreRead) {
  for (const char* hostile :
       {"UPDATE runs SET started = 9223372036854775807", "UPDATE runs SET polls = 'many'",
        "UPDATE runs SET polls = -1", "UPDATE runs SET ended = x'00'"}) {
    std::filesystem::remove(folder_ / "runs.db");
    StateStore history(folder_, clock_);
    history.Begin(NewRun("way"));
    sql::Session::Open(sql::DatabaseUrl::Parse("sqlite:runs.db", folder_))
        ->Execute(test::AnySql(hostile));
    try {
      history.List({}, 10);
      ADD_FAILURE() << hostile;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 4) << hostile << ": " << error.message();
    }
  }
}

}  // namespace
}  // namespace syncline::cli
