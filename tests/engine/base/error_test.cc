#include "engine/base/error.h"

#include <gtest/gtest.h>

#include "engine/base/check.h"

namespace syncline {
namespace {

TEST(ErrorTest, TheExitCodeFollowsFromCauseAndReaction) {
  EXPECT_EQ(StopError("x").exit_code(), 1);
  EXPECT_EQ(RestartError("x").exit_code(), 1);
  EXPECT_EQ(UsageError("x").exit_code(), 2);
  EXPECT_EQ(EnvironmentError("x").exit_code(), 3);
  EXPECT_EQ(RetryError("x").exit_code(), 3);
  EXPECT_EQ(DamageError("x").exit_code(), 4);
}

// Fails when a layer's context loses the reaction or the hint of the error that it wraps.
TEST(ErrorTest, ContextIsPutInFrontAndKeepsTheRest) {
  try {
    InContext("table items", [] { throw UsageError("no key", "give it one"); });
    FAIL() << "the error was swallowed";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "table items: no key");
    EXPECT_EQ(error.hint(), "give it one");
    EXPECT_EQ(error.exit_code(), 2);
  }
}

TEST(ErrorTest, InContextReturnsWhatTheBodyReturns) {
  EXPECT_EQ(InContext("x", [] { return 42; }), 42);
}

TEST(ErrorTest, TheRowIsInTheMessageAndInTheRefusal) {
  Error plain = RetryError("gone");
  plain.AddRow(7);
  EXPECT_EQ(plain.message(), "row 7: gone");
  EXPECT_FALSE(plain.refusal().has_value());
  Error refused = StopError("too long");
  refused.SetRefusal({.reason = "too long"});
  refused.AddRow(7);
  EXPECT_EQ(refused.refusal()->row, 7u);
}

// Fails when what is given up is tried again, or when it loses where a person has to look.
TEST(ErrorTest, WhatIsGivenUpIsForAPerson) {
  const Error once(Reaction::kRetry, Cause::kEnvironment, "gone", "start it", "57P01");
  const Error error = GivenUpError(once, 3);
  EXPECT_EQ(error.message(), "gone (given up after 3 retries)");
  EXPECT_EQ(error.reaction(), Reaction::kStop);
  EXPECT_EQ(error.exit_code(), 3);
  EXPECT_EQ(error.hint(), "start it");
  EXPECT_EQ(error.code(), "57P01");
}

// Fails when an error that is passed on with another reaction, message or hint loses what it is
// about: seen with GivenUpError, which lost condition and refusal.
TEST(ErrorTest, WhatIsPassedOnKeepsItsConditionAndItsRefusal) {
  Error first(Reaction::kRestart, Cause::kRuntime, "taken", "look", "23505",
              Condition::kUniqueViolation);
  first.SetRefusal({.kind = Refusal::Kind::kUnique, .reason = "taken", .row = 3});
  const Error changed =
      first.WithReaction(Reaction::kStop).WithMessage("row 3 is taken").WithHint("look there");
  EXPECT_EQ(changed.message(), "row 3 is taken");
  EXPECT_EQ(changed.hint(), "look there");
  for (const Error& error : {changed, GivenUpError(first, 3)}) {
    EXPECT_EQ(error.reaction(), Reaction::kStop);
    EXPECT_EQ(error.code(), "23505");
    EXPECT_EQ(error.condition(), Condition::kUniqueViolation);
    ASSERT_TRUE(error.refusal());
    EXPECT_EQ(error.refusal()->row, 3u);
  }
}

TEST(CheckDeathTest, ABrokenInvariantAbortsWithBothValues) {
  EXPECT_DEATH(SYNCLINE_CHECK_EQ(1 + 1, 3), "1 \\+ 1 == 3.*2 against 3");
}

}  // namespace
}  // namespace syncline
