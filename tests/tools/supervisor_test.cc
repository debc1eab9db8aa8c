#include "tools/service/supervisor.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "tests/support/temp_folder.h"
#include "tests/support/text_logger.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

Error NoTable() {
  return Error(Reaction::kStop, Cause::kUsage, "no table", "", "", Condition::kNoSuchTable);
}

// Two pipelines, each with a source of its own. What a body does is what the test says; nothing
// waits, since the clock is the test's.
class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() {
    for (const char* name : {"a", "b"}) {
      pipelines_.emplace_back();
      pipelines_.back().name = name;
      pipelines_.back().source = std::string("source_") + name;
    }
  }

  // The body of a unit of which each try fails with the next of these errors, and then none does.
  Supervisor::Body Failing(const Unit& unit, std::vector<Error> errors, bool starts) {
    return [this, unit, errors, starts] {
      if (starts) supervisor_.RecordStart(unit);
      if (tries_++ < errors.size()) throw errors[tries_ - 1];
    };
  }
  std::string Outcome(const Unit& unit, const Supervisor::Body& body, bool once = false) {
    try {
      supervisor_.Persist(unit, {.first = 1s, .retries = 3}, once, {}, body);
      return "";
    } catch (const Error& error) {
      return error.message();
    }
  }

  const Unit a_{Work::Part::kApply, "a"}, b_{Work::Part::kApply, "b"};
  const Unit source_a_{Work::Part::kCapture, "source_a"};
  TempFolder folder_;
  ManualClock clock_;
  std::shared_ptr<test::TextLogger> logger_ = std::make_shared<test::TextLogger>();
  BestEffortStateStore book_{folder_.path(), clock_, logger_};
  Hooks hooks_{{}, logger_};
  Incidents incidents_{book_, hooks_, clock_};
  std::vector<PipelinePlan> pipelines_;
  Supervisor supervisor_{pipelines_, /*once=*/false, clock_, logger_, book_, incidents_};
  size_t tries_ = 0;
};

TEST_F(SupervisorTest, AFailureIsTheUnitsForGoodAndTheFirstOneIsTold) {
  supervisor_.Run(b_, [] { throw StopError("second to be asked for, first to fail"); });
  supervisor_.Run(a_, [] { throw StopError("later"); });
  EXPECT_TRUE(supervisor_.HasFailed(b_));
  EXPECT_TRUE(supervisor_.HasFailedForGood(a_));
  EXPECT_FALSE(supervisor_.HasFailed(source_a_));
  EXPECT_EQ(supervisor_.FirstFailure()->message(), "second to be asked for, first to fail");
  EXPECT_EQ(StateStore(folder_.path(), clock_).IncidentsOf("b").size(), 1u);
}

// Fails when a first attempt is tried again although nobody else goes on, or when `retries` is not
// asked.
TEST_F(SupervisorTest, WhatMayGoAwayIsTriedAgainOnceTheUnitHasRun) {
  const Error error = RetryError("gone for a while");
  EXPECT_EQ(Outcome(a_, Failing(a_, {error, error}, true)), "");
  EXPECT_EQ(tries_, 3u);
  tries_ = 0;
  const std::string given_up = Outcome(a_, Failing(a_, {5, error}, true));
  EXPECT_NE(given_up.find("gone for a while"), given_up.npos);
  EXPECT_EQ(tries_, 4u) << "the first try, and three more";
  tries_ = 0;
  EXPECT_EQ(Outcome(a_, Failing(a_, {error}, true), /*once=*/true), error.message());
  EXPECT_EQ(tries_, 1u);
}

// Fails when the capture of tables that another pipeline is about to make is given up, or tried
// for ever when that one has failed as well.
TEST_F(SupervisorTest, WhatOthersMayStillMakeIsAwaitedAsLongAsTheyGoOn) {
  EXPECT_EQ(Outcome(source_a_, Failing(source_a_, {NoTable(), NoTable()}, false)), "");
  EXPECT_EQ(tries_, 3u);
  EXPECT_TRUE(supervisor_.HasFailed(source_a_)) << "it was told, and has not started since";
  EXPECT_FALSE(supervisor_.HasFailedForGood(source_a_));
  supervisor_.RecordStart(source_a_);
  EXPECT_FALSE(supervisor_.HasFailed(source_a_));
  EXPECT_FALSE(supervisor_.FirstFailure());

  tries_ = 0;
  EXPECT_EQ(Outcome(a_, Failing(a_, {NoTable()}, false)), "no table") << "nobody makes a target's";
  supervisor_.Run(b_, [] { throw StopError("for good"); });
  tries_ = 0;
  EXPECT_EQ(Outcome(source_a_, Failing(source_a_, {NoTable()}, false)), "no table");
  EXPECT_EQ(tries_, 1u);
}

// Fails when damage is taken for something that goes away.
TEST_F(SupervisorTest, DamageIsNeverTriedAgain) {
  EXPECT_EQ(Outcome(a_, Failing(a_, {DamageError("torn")}, true)), "torn");
  EXPECT_EQ(tries_, 1u);
}

// Fails when an error by which a stop shows counts as the unit's failure.
TEST_F(SupervisorTest, AnErrorAfterTheStopIsNone) {
  std::stop_source stop;
  supervisor_.Run(a_, [&] {
    supervisor_.Persist(a_, {}, false, stop.get_token(), [&] {
      stop.request_stop();
      throw RetryError("cancelled");
    });
  });
  EXPECT_FALSE(supervisor_.HasFailed(a_));
}

}  // namespace
}  // namespace syncline::cli
