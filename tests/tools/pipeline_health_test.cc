#include "tools/status/pipeline_health.h"

#include <gtest/gtest.h>

#include "apply/target/sql_target.h"
#include "engine/base/error.h"
#include "engine/log/log_catalog.h"
#include "tests/apply/test_log.h"
#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;
using enum HealthState;

constexpr HealthFacts kWell = {.capture = HalfState::kAtWork, .apply = HalfState::kAtWork};

// Each line has everything that is below it, too, and is told first.
TEST(StateOfTest, TheGravestComesFirst) {
  HealthFacts facts = kWell;
  EXPECT_EQ(StateOf(facts), kInStep);
  const auto then = [&](auto change, HealthState state) {
    change(facts);
    EXPECT_EQ(StateOf(facts), state) << HealthName(state);
  };
  then([](HealthFacts& f) { f.behind = true; }, kBehind);
  then([](HealthFacts& f) { f.waiting = true; }, kWaiting);
  then([](HealthFacts& f) { f.refused = 1; }, kRefusing);
  then([](HealthFacts& f) { f.loading = true; }, kLoading);
  then([](HealthFacts& f) { f.readable = false; }, kUnknown);
  then([](HealthFacts& f) { f.apply = HalfState::kStopped; }, kStopped);
  then([](HealthFacts& f) { f.capture = HalfState::kAway; }, kNotRunning);
  then([](HealthFacts& f) { f.failed = true; }, kFailed);
  then([](HealthFacts& f) { f.paused = true; }, kPaused);
}

TEST(StateOfTest, WhatTheLastOnceHasDoneIsNotMissed) {
  HealthFacts facts{.capture = HalfState::kDone, .apply = HalfState::kDone};
  EXPECT_EQ(StateOf(facts), kInStep);
  facts.apply = HalfState::kAway;
  EXPECT_EQ(StateOf(facts), kNotRunning);
}

TEST(JudgeTest, OnlyWhatIsKnownToBeWellIsWell) {
  PipelineHealth health{.state = kInStep, .overdue = 0us, .lag = 0us};
  EXPECT_EQ(Judge(health, 1s), Verdict::kWell);
  health.lag = 1s;
  EXPECT_EQ(Judge(health, 1s), Verdict::kWell);
  health.lag = 1s + 1us;
  EXPECT_EQ(Judge(health, 1s), Verdict::kUnwell);
  health.lag.reset();
  EXPECT_EQ(Judge(health, 1s), Verdict::kUnknown);
  health.overdue = 2s;
  EXPECT_EQ(Judge(health, 1s), Verdict::kUnwell) << "that polls are missing is known";
  for (const HealthState state : {kFailed, kStopped, kNotRunning, kRefusing}) {
    EXPECT_EQ(Judge({.state = state, .lag = 0us}, 1h), Verdict::kUnwell) << HealthName(state);
  }
  EXPECT_EQ(Judge({.state = kWaiting}, 0s), Verdict::kWell);
  EXPECT_EQ(Judge({.state = kUnknown, .lag = 0us}, 1s), Verdict::kUnknown);
  EXPECT_EQ(Judge({.state = kPaused, .lag = 2s}, 1s), Verdict::kUnwell) << "forgotten";
  EXPECT_EQ(Judge({.state = kPaused, .lag = 2s}, 1h), Verdict::kWell);
  EXPECT_EQ(Judge({.state = kInStep, .lag = 0us, .incident = Incident{.told = true}}, 1s),
            Verdict::kUnwell)
      << "as the comparison that found differences";
  EXPECT_EQ(Judge({.state = kInStep, .lag = 0us, .incident = Incident{}}, 1s), Verdict::kWell)
      << "it may go away by itself";
}

// A log with one change that is applied, of a source that should be polled every second.
class PipelineHealthTest : public SqliteFilesTest {
 protected:
  PipelineHealthTest()
      : config_(ParseConfig("log: log\n"
                            "databases: {source: 'sqlite:source.db', mirror: 'sqlite:mirror.db'}\n"
                            "defaults: {cursor: updated_at, every: 1s}\n"
                            "pipelines: {way: {from: source, to: mirror, tables: [items]}}\n",
                            folder_ / "syncline.yaml")),
        history_((std::filesystem::create_directories(config_.log), config_.log), clock_) {
    clock_.Advance(24h);
    log_ = config_.Log("source")->Open("test:source", clock_);
    CutWriter writer(*log_);
    writer.Add(test::ItemsSchema(), test::Item(1, "x", 1));
    writer.Close("cursor");
    const auto reader = log_->NewReader();
    apply::ApplyStage(apply::SqlTargetAt(Url("mirror"), {{.source = {"public", "items"},
                                                          .target = {"", "items"}}}),
                      {.pipeline = "way", .once = true}, *reader, clock_, test::QuietLogger())
        .Run({});
    notes_ = config_.Log("source")->OpenPollNote(log_->info().id);
    history_.BeginWork(Work::Part::kCapture, "source", false);
    history_.BeginWork(Work::Part::kApply, "way", false);
    Polled();
  }

  void Polled() { notes_->Write({.started = clock_.Now(), .polled = clock_.Now()}); }
  PipelineHealth Health() {
    return ReadPipelineHealth(config_, config_.pipelines[0], &history_, "", clock_);
  }

  ManualClock clock_;
  const Config config_;
  StateStore history_;
  std::unique_ptr<ChangeLog> log_;
  std::unique_ptr<PollNoteWriter> notes_;
};

// Fails when polls that found nothing do not count.
TEST_F(PipelineHealthTest, TheLagIsMeasuredAgainstTheSource) {
  EXPECT_EQ(Health().state, kInStep);
  clock_.Advance(1s);
  EXPECT_EQ(Health().lag, 0s) << "the next poll is due just now";
  clock_.Advance(10s);
  EXPECT_EQ(Health().lag, 10s);
  EXPECT_EQ(Health().poll_age, 11s);
  EXPECT_EQ(Health().state, kBehind);
  Polled();
  EXPECT_EQ(Health().lag, 0s);
  EXPECT_EQ(Health().state, kInStep);
}

TEST_F(PipelineHealthTest, ANoteFromTheFutureTellsNothing) {
  notes_->Write({.started = clock_.Now(), .polled = clock_.Now() + 1h});
  EXPECT_FALSE(Health().last_poll);
  EXPECT_FALSE(Health().lag);
  EXPECT_EQ(Health().state, kUnknown);
  EXPECT_EQ(Judge(Health(), 24h), Verdict::kUnknown);
}

TEST_F(PipelineHealthTest, WhatEndedSaysHow) {
  history_.EndWork(Work::Part::kApply, "way", Work::End::kStopped);
  EXPECT_EQ(Health().state, kStopped);
  history_.EndWork(Work::Part::kCapture, "source", Work::End::kDone);
  history_.EndWork(Work::Part::kApply, "way", Work::End::kDone);
  clock_.Advance(1h);
  EXPECT_EQ(Health().state, kInStep) << "as of the last poll";
  EXPECT_EQ(Health().lag, 1h - 1s);
}

// Fails when trouble that may go away by itself counts as failed, or what was told does not.
TEST_F(PipelineHealthTest, AnIncidentThatWasToldIsAFailure) {
  Incident incident{.pipeline = "way", .kind = "apply", .error = "why", .hint = "what to do"};
  history_.OpenIncident(incident);
  EXPECT_EQ(Health().state, kInStep);
  EXPECT_EQ(Health().incident->hint, "what to do");
  incident.told = true;
  EXPECT_TRUE(history_.OpenIncident(incident));
  EXPECT_FALSE(history_.OpenIncident(incident)) << "once";
  EXPECT_EQ(Health().state, kFailed);
  EXPECT_EQ(Health().run_state, RunState::kFailed);
  EXPECT_TRUE(history_.CloseIncident("way", "apply"));
  EXPECT_EQ(Health().state, kInStep);
}

// Fails when a second process that is refused hides the one that works.
TEST_F(PipelineHealthTest, WorkIsThatOfTheProcessThatLives) {
  StateStore second(config_.log, clock_);
  EXPECT_TRUE(second.IsAtWorkElsewhere(Work::Part::kApply, "way"));
  EXPECT_FALSE(history_.IsAtWorkElsewhere(Work::Part::kApply, "way"));
  clock_.Advance(100ms);
  second.BeginWork(Work::Part::kApply, "way", false);
  second.EndWork(Work::Part::kApply, "way", Work::End::kFailed);
  EXPECT_EQ(Health().state, kInStep);
}

}  // namespace
}  // namespace syncline::cli
