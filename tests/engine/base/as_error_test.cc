#include "engine/base/as_error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace syncline {
namespace {

template <typename Exception>
Error Of(const Exception& exception) {
  return AsError(std::make_exception_ptr(exception));
}

std::system_error System(int number) { return {number, std::generic_category()}; }

TEST(AsErrorTest, AnErrorStaysWhatItIs) {
  const Error error = Of(UsageError("no key", "give it one"));
  EXPECT_EQ(error.message(), "no key");
  EXPECT_EQ(error.hint(), "give it one");
  EXPECT_EQ(error.exit_code(), 2);
}

// Seen to fail as something that the system does not give, with a look at the system's log.
TEST(AsErrorTest, APathThatCannotBeGoneNamesThePath) {
  using std::filesystem::filesystem_error;
  const auto code = [](int number) { return std::error_code(number, std::generic_category()); };
  for (const int number : {ELOOP, EACCES, ENAMETOOLONG}) {
    const Error error = Of(filesystem_error("status", "/data/target.db", code(number)));
    EXPECT_EQ(error.message(), "/data/target.db: " + code(number).message());
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_NE(error.hint().find("path"), std::string::npos);
  }
  EXPECT_EQ(Of(filesystem_error("status", "/data", code(EMFILE))).reaction(), Reaction::kRetry);
}

// What another moment may have is tried again, with the limit that is to be raised.
TEST(AsErrorTest, WhatTheSystemDoesNotGiveIsTriedAgain) {
  const auto expect = [](const Error& error, std::string_view hint) {
    EXPECT_EQ(error.reaction(), Reaction::kRetry) << error.message();
    EXPECT_EQ(error.exit_code(), 3) << error.message();
    EXPECT_NE(error.hint().find(hint), std::string::npos) << error.hint();
  };
  expect(Of(std::bad_alloc()), "ulimit -v");
  expect(Of(System(ENOMEM)), "ulimit -v");
  expect(Of(System(EAGAIN)), "ulimit -u");
  expect(Of(System(EMFILE)), "ulimit -n");
  expect(Of(System(ENFILE)), "ulimit -n");
}

TEST(AsErrorTest, OtherTroubleOfTheSystemIsForAPerson) {
  const Error error = Of(System(EIO));
  EXPECT_EQ(error.reaction(), Reaction::kStop);
  EXPECT_EQ(error.exit_code(), 3);
  EXPECT_NE(error.message().find("Input/output error"), std::string::npos) << error.message();
}

TEST(AsErrorTest, AnythingElseIsABugAndSaysSo) {
  const Error known = Of(std::out_of_range("map::at"));
  EXPECT_EQ(known.message(), "unexpected: map::at");
  const Error unknown = AsError(std::make_exception_ptr(7));
  for (const Error& error : {known, unknown}) {
    EXPECT_EQ(error.reaction(), Reaction::kStop);
    EXPECT_EQ(error.exit_code(), 1);
    EXPECT_NE(error.hint().find("This is a bug"), std::string::npos) << error.hint();
  }
}

}  // namespace
}  // namespace syncline
