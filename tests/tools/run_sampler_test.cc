#include "tools/service/run_sampler.h"
#include "engine/base/logger.h"
#include "tests/support/text_logger.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>
#include <sstream>

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Fails when rows are taken off instead of added, or those of other tables count.
TEST(CaptureActivityTest, RowsSetAsideAreAddedUpOverTheTablesOfAPipeline) {
  const TableName a{"public", "a"}, b{"public", "b"}, c{"public", "c"};
  const CaptureActivity activity{.set_aside = {{a, 2}, {b, 3}, {c, 7}}};
  EXPECT_EQ(activity.RowsSetAside({a, b}), 5u);
  EXPECT_EQ(activity.RowsSetAside({{"public", "d"}}), 0u);
}

// One pipeline whose stages' counts the test sets, looked at once a second.
class RunSamplerTest : public testing::Test {
 protected:
  RunSamplerTest() {
    std::string pattern = testing::TempDir() + "/syncline-recorder-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    book_ = std::make_unique<BestEffortStateStore>(folder_, clock_, logger_);
    incidents_ = std::make_unique<Incidents>(*book_, hooks_, clock_);
    recorder_ = std::make_unique<RunSampler>(
        std::vector<RunSampler::Subject>{{"way", "shop", "sync"}}, watch_, *book_, *incidents_);
    capturing_ = watch_.Capture("shop", capture_, nullptr);
    applying_ = watch_.Apply("way", "shop", apply_);
  }
  ~RunSamplerTest() override { std::filesystem::remove_all(folder_); }

  void Seconds(int count) {
    for (; count > 0; --count) {
      clock_.Advance(1s);
      ++capture_.polls;
      recorder_->Look();
    }
  }
  void Sync(uint64_t rows) {
    capture_.changes_logged += rows;
    apply_.changes += rows;
    apply_.rows_written += rows;
  }
  // The newest first.
  std::vector<RunRecord> Runs() { return StateStore(folder_, clock_).List({}, 100); }

  ManualClock clock_;
  std::filesystem::path folder_;
  std::shared_ptr<test::TextLogger> logger_ = std::make_shared<test::TextLogger>();
  Hooks hooks_{{}, logger_};
  capture::CaptureStats capture_;
  apply::ApplyStats apply_;
  StageWatch watch_{clock_};
  std::unique_ptr<BestEffortStateStore> book_;
  std::unique_ptr<Incidents> incidents_;
  std::unique_ptr<RunSampler> recorder_;
  std::unique_ptr<StageWatch::Watching> capturing_, applying_;
};

// Of what an earlier process has told, nothing is over before somebody has looked. Seen to fail,
// with "recovered" at the start of each process, where a count that nobody had made was none.
TEST_F(RunSamplerTest, WhatNobodyHasLookedAtYetIsNotOver) {
  const auto open = [&] { return StateStore(folder_, clock_).IncidentsOf("way").size(); };
  Incidents(*book_, hooks_, clock_).Refusing("way", 2);
  Incidents(*book_, hooks_, clock_).LeavingOut("way", 1);
  Seconds(1);
  EXPECT_EQ(open(), 2u);
  apply_.parked = 2;
  apply_.knows_parked = true;
  Seconds(1);
  EXPECT_EQ(open(), 2u);
  apply_.parked = 0;
  Seconds(1);
  EXPECT_EQ(open(), 1u);
}

// A pipeline fails, is started again, and fails in another way within one look. Seen to fail with a
// run in progress for a minute, and with the capture's incident for good.
TEST_F(RunSamplerTest, AnotherFailureIsARunOfItsOwn) {
  const auto errors = [&] {
    std::vector<std::string> errors;
    for (const Incident& one : StateStore(folder_, clock_).IncidentsOf("way")) {
      errors.push_back(one.error);
    }
    return errors;
  };
  incidents_->Stopped("way", "capture", StopError("cannot connect"));
  clock_.Advance(1s);
  recorder_->Look();
  EXPECT_EQ(Runs().at(0).error, "cannot connect");
  incidents_->StartedAgain("way", "capture");
  capture_.changes_logged += 3;
  incidents_->Stopped("way", "apply", StopError("the target cannot hold it"));
  Seconds(1);
  ASSERT_EQ(Runs().size(), 2u);
  EXPECT_EQ(Runs()[0].state, RunState::kFailed);
  EXPECT_EQ(Runs()[0].error, "the target cannot hold it");
  EXPECT_EQ(Runs()[0].counts.captured, 3u);
  EXPECT_EQ(errors(), std::vector<std::string>{"the target cannot hold it"});
  // What the source's other pipelines go on with is no run of this one.
  for (int i = 0; i < 5; ++i) {
    capture_.changes_logged += 3;
    Seconds(1);
  }
  EXPECT_EQ(Runs().size(), 2u);
  incidents_->StartedAgain("way", "apply");
  Sync(1);
  ++apply_.batches;
  Seconds(3);
  ASSERT_EQ(Runs().size(), 3u);
  EXPECT_EQ(Runs()[0].state, RunState::kDone);
  EXPECT_EQ(errors(), std::vector<std::string>());
}

// Fails when polls that find nothing make runs, or are not counted.
TEST_F(RunSamplerTest, ARunIsFromTheFirstChangeUntilNothingMoreComes) {
  Seconds(10);
  EXPECT_TRUE(Runs().empty());
  Sync(5);
  Seconds(1);
  ASSERT_EQ(Runs().size(), 1u);
  EXPECT_EQ(Runs()[0].state, RunState::kInProgress);
  Sync(2);
  ++apply_.rows_newer;
  Seconds(1);
  Seconds(2);
  const RunRecord run = Runs().at(0);
  EXPECT_EQ(run.state, RunState::kDone);
  EXPECT_EQ(run.counts,
            (RunCounts{.polls = 14, .captured = 7, .applied = 7, .written = 7, .newer = 1}));
  EXPECT_EQ(Outcome(run), "synced 7 rows, 1 existing rows newer, skipped");
  Seconds(5);
  Sync(1);
  Seconds(4);
  EXPECT_EQ(Runs().size(), 2u);
  EXPECT_EQ(Runs()[0].counts.written, 1u) << "only what is its own";
}

// Fails when a pipeline that is never idle has one run for ever.
TEST_F(RunSamplerTest, WhatNeverEndsIsARunAMinute) {
  for (int second = 0; second < 200; ++second) {
    Sync(1);
    Seconds(1);
  }
  const std::vector<RunRecord> runs = Runs();
  EXPECT_EQ(runs.size(), 4u);
  uint64_t written = 0;
  for (const RunRecord& run : runs) written += run.counts.written;
  EXPECT_EQ(written, 200u) << "nothing is in no run, or in two";
}

// Fails when a run in trouble is Done because nothing moves.
TEST_F(RunSamplerTest, TroubleThatStaysMakesTheRunFailed) {
  Sync(1);
  Seconds(1);
  const Error error = RetryError("the target is away");
  incidents_->Trying("way", "apply", &error);
  Seconds(30);
  EXPECT_EQ(Runs().at(0).state, RunState::kInProgress);
  Seconds(31);
  EXPECT_EQ(Runs().at(0).state, RunState::kFailed);
  EXPECT_EQ(Runs()[0].error, "the target is away");
  Seconds(31);
  EXPECT_EQ(Runs().size(), 1u);
}

// Seen to fail, with the last good run on top, where only a stage that has stopped made a run
// Failed.
TEST_F(RunSamplerTest, TroubleThatStaysIsAFailedRunWhereNoneWasOpen) {
  Sync(1);
  Seconds(60);
  ASSERT_EQ(Runs().at(0).state, RunState::kDone);
  const Error error = RetryError("the source is away");
  for (int times = 1; times <= 2; ++times) {
    incidents_->Trying("way", "capture", &error);
    Seconds(50);
    EXPECT_EQ(Runs().at(0).state, RunState::kDone);
    Seconds(60);
    EXPECT_EQ(Runs().at(0).state, RunState::kFailed);
    EXPECT_EQ(Runs()[0].error, "the source is away");
    EXPECT_EQ(Runs().size(), 2u * times);
    incidents_->Trying("way", "capture", nullptr);
    Sync(1);
    Seconds(60);
    EXPECT_EQ(Runs().at(0).state, RunState::kDone);
  }
}

TEST_F(RunSamplerTest, AtTheEndARunThatIsOpenEnds) {
  Sync(1);
  Seconds(1);
  applying_.reset();
  capturing_.reset();
  recorder_->Finish(RunState::kCancelled, true);
  EXPECT_EQ(Runs().size(), 1u);
  EXPECT_EQ(Runs()[0].state, RunState::kCancelled);
}

// Fails when `run --once` that finds nothing leaves no trace, or a stage's failure counts as done.
TEST_F(RunSamplerTest, AtTheEndWhatFoundNothingOrFailedIsARun) {
  recorder_->Finish(RunState::kDone, true);
  EXPECT_EQ(Runs().at(0).state, RunState::kDone);
  incidents_->Stopped("way", "apply", StopError("a column is missing"));
  recorder_->Finish(RunState::kDone, true);
  EXPECT_EQ(Runs().at(0).state, RunState::kFailed);
  EXPECT_THAT(Runs()[0].error, HasSubstr("a column is missing"));
}

}  // namespace
}  // namespace syncline::cli
