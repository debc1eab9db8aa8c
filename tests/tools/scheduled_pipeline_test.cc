#include "tools/service/scheduled_pipeline.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <sstream>

#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "tests/support/text_logger.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// A pipeline that is due at every full minute, by a clock that the test sets.
class ScheduledPipelineTest : public testing::Test {
 protected:
  // Set forward and back, as clocks of machines are; what is waited for goes by another one.
  class SetClock : public ManualClock {
   public:
    WallTime Now() const override { return ManualClock::Now() + set_; }
    Microseconds set_ = 24h * 365 * 50;
  };

  ScheduledPipelineTest() {
    std::string pattern = testing::TempDir() + "/syncline-timed-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Restart();
  }
  ~ScheduledPipelineTest() override { std::filesystem::remove_all(folder_); }

  void Restart() {
    timed_.reset();
    incidents_.reset();
    pauses_.reset();
    book_ = std::make_unique<BestEffortStateStore>(folder_, clock_, logger_);
    pauses_ = std::make_unique<PauseWatch>(*book_);
    incidents_ = std::make_unique<Incidents>(*book_, hooks_, clock_);
    timed_ = std::make_unique<ScheduledPipeline>(
        ScheduledPipeline::Job{"way", "sync", Timetable::At(Cron::Parse("* * * * *"), "UTC"),
                               retry_},
        ScheduledPipeline::Parts{*book_, *pauses_, *incidents_, clock_, *logger_},
        [this](RunRecord& run, std::stop_token) {
          due_.push_back(Minutes(*run.scheduled));
          missed_.push_back(run.missed);
          body_();
        });
  }
  // As Run does, but no longer than the clock's own time.
  void RunFor(Microseconds duration) {
    const WallTime until = clock_.ManualClock::Now() + duration;
    while (clock_.ManualClock::Now() < until) {
      if (!timed_->RunWhatIsDue({})) clock_.Advance(1s);
    }
  }
  int64_t Minutes(WallTime time) const {
    return std::chrono::duration_cast<std::chrono::minutes>(time - begin_).count();
  }
  std::vector<RunState> States() {
    std::vector<RunState> states;
    for (const RunRecord& run : StateStore(folder_, clock_).List({"way"}, 100)) {
      states.insert(states.begin(), run.state);
    }
    return states;
  }

  SetClock clock_;
  const WallTime begin_ = clock_.Now();
  std::filesystem::path folder_;
  std::shared_ptr<test::TextLogger> logger_ = std::make_shared<test::TextLogger>();
  Backoff::Options retry_;
  Hooks hooks_{{}, logger_};
  std::unique_ptr<BestEffortStateStore> book_;
  std::unique_ptr<PauseWatch> pauses_;
  std::unique_ptr<Incidents> incidents_;
  std::unique_ptr<ScheduledPipeline> timed_;
  std::function<void()> body_ = [] {};
  std::vector<int64_t> due_;      // minutes since the beginning
  std::vector<uint64_t> missed_;  // beside them
};

// Fails when a run that nobody has said a number of retries for never ends.
TEST_F(ScheduledPipelineTest, RetriesOfARunHaveAnEnd) {
  EXPECT_EQ(WithAnEnd({}).retries, 5);
  Backoff::Options said;
  said.retries = 2;
  EXPECT_EQ(WithAnEnd(said).retries, 2);
}

TEST_F(ScheduledPipelineTest, EachTimeComesOnce) {
  RunFor(3min + 30s);
  EXPECT_THAT(due_, ElementsAre(1, 2, 3));
  EXPECT_THAT(States(), ElementsAre(RunState::kDone, RunState::kDone, RunState::kDone));
}

// Fails when the times that a run takes are run one by one afterwards, or forgotten.
TEST_F(ScheduledPipelineTest, TimesThatComeDuringARunBecomeOne) {
  body_ = [this] {
    if (due_.size() == 1) clock_.Advance(3min + 20s);
  };
  RunFor(6min);
  EXPECT_THAT(due_, ElementsAre(1, 4, 5));
  EXPECT_THAT(missed_, ElementsAre(0, 2, 0));
}

// Fails when the last time is not kept, and when each missed one is made up for.
TEST_F(ScheduledPipelineTest, TimesThatComeWhileTheProgramIsDownBecomeOne) {
  RunFor(1min + 10s);
  clock_.Advance(10min);
  Restart();
  RunFor(1min);
  EXPECT_THAT(due_, ElementsAre(1, 11, 12));
  EXPECT_THAT(missed_, ElementsAre(0, 9, 0));
}

// Fails when the clock's time alone decides: what it shows again would come again.
TEST_F(ScheduledPipelineTest, AClockThatIsSetForwardAndBackBringsEachTimeOnce) {
  RunFor(2min + 10s);
  clock_.set_ += 1h;
  RunFor(1min);
  clock_.set_ -= 1h;
  RunFor(2min);
  EXPECT_THAT(due_, ElementsAre(1, 2, 62, 63));
  EXPECT_THAT(missed_, ElementsAre(0, 0, 59, 0));
  due_.clear();
  RunFor(60min);
  EXPECT_THAT(due_, ElementsAre(64, 65));
}

TEST_F(ScheduledPipelineTest, ADayForwardAndBackTheSame) {
  RunFor(1min + 10s);
  clock_.set_ += 24h;
  RunFor(1min);
  clock_.set_ -= 24h;
  RunFor(23h);
  EXPECT_THAT(due_, ElementsAre(1, 24 * 60 + 1, 24 * 60 + 2));
}

// Fails when a clock that was far ahead for a moment ends all runs until then.
TEST_F(ScheduledPipelineTest, AClockThatWasYearsAheadIsForgotten) {
  clock_.set_ += 24h * 3'650;
  RunFor(10s);
  due_.clear();
  clock_.set_ -= 24h * 3'650;
  RunFor(2min);
  EXPECT_EQ(due_.size(), 2u);
}

// Fails when a permanent error is tried again, or a transient one only once.
TEST_F(ScheduledPipelineTest, WhatMayGoAwayIsTriedAgainAsOftenAsSaid) {
  retry_ = {.waits = {1s, 5s}, .retries = 3};
  Restart();
  body_ = [] { throw RetryError("away"); };
  const auto began = clock_.Monotonic();
  clock_.Advance(1min);
  EXPECT_TRUE(timed_->RunWhatIsDue({}));
  EXPECT_EQ(due_.size(), 4u);
  EXPECT_EQ(clock_.Monotonic() - began, 1min + 1s + 5s + 5s);
  due_.clear();
  body_ = [] { throw StopError("for good"); };
  RunFor(1min);
  EXPECT_EQ(due_.size(), 1u);
  body_ = [this] {
    if (due_.size() == 2) throw RetryError("away");
  };
  RunFor(1min);
  EXPECT_EQ(due_.size(), 3u);
  EXPECT_THAT(States(), ElementsAre(RunState::kFailed, RunState::kFailed, RunState::kDone));
}

// Fails when a paused pipeline runs, or when what it left out is made up for.
TEST_F(ScheduledPipelineTest, APausedPipelineSkips) {
  StateStore other(folder_, clock_);
  other.Pause("way");
  pauses_->Look();
  RunFor(1min + 10s);
  EXPECT_THAT(due_, IsEmpty());
  other.Resume("way");
  pauses_->Look();
  RunFor(1min);
  EXPECT_THAT(due_, ElementsAre(2));
  EXPECT_THAT(States(), ElementsAre(RunState::kSkipped, RunState::kDone));
}

TEST_F(ScheduledPipelineTest, APauseEndsTheRunAtHand) {
  body_ = [this] {
    StateStore(folder_, clock_).Pause("way");
    pauses_->Look();
  };
  RunFor(1min + 10s);
  EXPECT_THAT(States(), ElementsAre(RunState::kPaused));
}

}  // namespace
}  // namespace syncline::cli
