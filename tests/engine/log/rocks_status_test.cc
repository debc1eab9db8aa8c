#include "engine/log/store/rocks_status.h"

#include <gtest/gtest.h>

#include <string>

namespace syncline {
namespace {

using rocksdb::Status;

struct Expected {
  Status status;
  Reaction reaction;
  int exit_code;
  std::string_view hint;  // a part of it
};

// Fails when a disk that is full ends the program, or when one that does not sync is written to
// again.
TEST(RocksStatusTest, EachStatusHasItsReaction) {
  const Status no_sync(Status::IOError("While fsync: x: Input/output error"),
                       Status::Severity::kFatalError);
  const Expected all[] = {
      {Status::Corruption("x"), Reaction::kDamage, 4, ""},
      {Status::PathNotFound("x"), Reaction::kDamage, 4, ""},
      {Status::NoSpace("x"), Reaction::kRetry, 3, "make room"},
      {Status::SpaceLimit("x"), Reaction::kRetry, 3, "make room"},
      {Status::IOError("open x: Permission denied"), Reaction::kStop, 3, "write access"},
      {Status::IOError("open x: Operation not permitted"), Reaction::kStop, 3, "write access"},
      {Status::IOError("open x: Read-only file system"), Reaction::kStop, 3, "can be written"},
      {Status::IOError("open x: Too many open files"), Reaction::kRetry, 3, "ulimit -n"},
      {Status::IOError("mmap x: Cannot allocate memory"), Reaction::kRetry, 3, "ulimit -v"},
      {no_sync, Reaction::kStop, 3, "what was acknowledged is still in the log"},
      {Status::IOError("read x: Input/output error"), Reaction::kRetry, 3, "check the disk"},
      {Status::Busy(), Reaction::kRetry, 3, ""},
      {Status::TimedOut(), Reaction::kRetry, 3, ""},
      {Status::TryAgain(), Reaction::kRetry, 3, ""},
      {Status::Incomplete(), Reaction::kRetry, 3, ""},
      {Status::Aborted(), Reaction::kRetry, 3, ""},
      {Status::ShutdownInProgress(), Reaction::kRestart, 1, ""},
      {Status::NotSupported("x"), Reaction::kStop, 1, ""},
      {Status::InvalidArgument("x"), Reaction::kStop, 1, ""},
  };
  for (const Expected& expected : all) {
    const Error error = ToError(expected.status, "writing to the log in /log");
    EXPECT_TRUE(error.message().starts_with("writing to the log in /log: ")) << error.message();
    EXPECT_EQ(error.reaction(), expected.reaction) << error.message();
    EXPECT_EQ(error.exit_code(), expected.exit_code) << error.message();
    EXPECT_NE(error.hint().find(expected.hint), std::string::npos) << error.message() << "\n"
                                                                   << error.hint();
  }
}

TEST(RocksStatusTest, OnlyWhatIsBadIsThrown) {
  EXPECT_NO_THROW(ThrowIfBad(Status::OK(), "reading"));
  EXPECT_THROW(ThrowIfBad(Status::Corruption("x"), "reading"), Error);
}

}  // namespace
}  // namespace syncline
