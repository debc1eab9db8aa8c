#include "engine/log/change_log.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "engine/log/folder/mark.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

namespace syncline {
namespace {

class ChangeLogTest : public testing::Test {
 protected:
  std::unique_ptr<ChangeLog> Open(std::string_view source = kSource) {
    return OpenRocksLog(folder(), source, clock_);
  }
  std::filesystem::path folder() const { return temp_.path() / "log"; }

  TempFolder temp_;
  SystemClock clock_;
};

// Fails when the lock is not taken, or given up by looking at it.
TEST_F(ChangeLogTest, ASecondWriterInAnotherProcessIsRefusedByThePidOfTheFirst) {
  int to_parent[2], to_child[2];
  ASSERT_EQ(::pipe(to_parent), 0);
  ASSERT_EQ(::pipe(to_child), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto log = Open();
    char byte = 'x';
    if (::write(to_parent[1], &byte, 1) != 1 || ::read(to_child[0], &byte, 1) < 0) ::_exit(1);
    ::_exit(0);
  }
  char byte;
  ASSERT_EQ(::read(to_parent[0], &byte, 1), 1);
  for (int i = 0; i < 2; ++i) {
    const Error error = ErrorOf([&] { Open(); });
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_NE(error.message().find("(process " + std::to_string(child) + ")"), std::string::npos)
        << error.message();
  }
  ASSERT_EQ(::write(to_child[1], &byte, 1), 1);
  int status;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (const int fd : {to_parent[0], to_parent[1], to_child[0], to_child[1]}) ::close(fd);
  Open();
}

TEST_F(ChangeLogTest, AFolderWithSomethingElseIsRefusedAndLeftAlone) {
  std::filesystem::create_directories(folder());
  std::ofstream(folder() / "letter.txt") << "dear diary";
  EXPECT_EQ(ErrorOf([&] { Open(); }).exit_code(), 2);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder()), {}), 1);
}

TEST_F(ChangeLogTest, AFileInPlaceOfTheFolderIsRefused) {
  std::ofstream(folder()) << "a file";
  EXPECT_EQ(ErrorOf([&] { Open(); }).exit_code(), 3);
}

// As root everything may be written, so this runs as nobody.
TEST_F(ChangeLogTest, AFolderThatMayNotBeWrittenIsRefusedWithAHint) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  Open();
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(10);
    const Error existing = ErrorOf([&] { Open(); });
    const Error fresh =
        ErrorOf([&] { OpenRocksLog("/syncline-may-not-be-here/log", kSource, clock_); });
    if (existing.exit_code() != 3 || existing.hint().empty()) ::_exit(11);
    if (fresh.exit_code() != 3 || fresh.hint().empty()) ::_exit(12);
    ::_exit(0);
  }
  int status;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// The states that a kill during the making of a log leaves: the mark comes first, CURRENT last.
// Fails when Open takes them for something else than a log, or never writes the meta record.
TEST_F(ChangeLogTest, AHalfMadeLogIsMadeToTheEnd) {
  const Mark mark{.log_id = LogId::Random(), .epoch = 1};
  for (const char* keep : {"durable.new", "durable", "LOCK", "MANIFEST-000001", "IDENTITY"}) {
    std::filesystem::remove_all(folder());
    std::filesystem::create_directories(folder());
    if (keep != std::string("durable.new")) MarkFile::Open(folder() / "durable", mark);
    if (keep != std::string("durable")) std::ofstream(folder() / keep) << "";
    EXPECT_EQ(ErrorOf([&] { OpenRocksLogReader(folder(), clock_); }).exit_code(), 3) << keep;
    Open()->Append(ItemsDraft(1, 1));
    EXPECT_EQ(Open()->next(), Offset(1)) << keep;
  }
}

}  // namespace
}  // namespace syncline
