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

TEST(CheckDeathTest, ABrokenInvariantAbortsWithBothValues) {
  EXPECT_DEATH(SYNCLINE_CHECK_EQ(1 + 1, 3), "1 \\+ 1 == 3.*2 against 3");
}

}  // namespace
}  // namespace syncline
