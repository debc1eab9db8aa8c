// LogAppender and LogAdmin: what is appended is there again, and who may append.
#include <gtest/gtest.h>

#include "tests/conformance/log_suite.h"

namespace syncline {
namespace {

class LogWritingTest : public LogConformance {};
INSTANTIATE_TEST_SUITE_P(, LogWritingTest, testing::ValuesIn(LogKinds()), NameOfKind);

// Fails when anything of the tail is not read back at Open: offset, hash, cursor, the open cut.
TEST_P(LogWritingTest, ReopeningKeepsEverything) {
  const LogId id = log_->info().id;
  EXPECT_EQ(log_->next(), Offset(0));
  EXPECT_EQ(log_->cursor(), "");
  EXPECT_FALSE(log_->cut_open());
  EXPECT_EQ(log_->Append(ItemsDraft(1, 10, "first")), Offset(0));
  EXPECT_EQ(log_->Append(ItemsDraft(11, 5, "second", /*closes_cut=*/false)), Offset(10));
  Reopen();
  EXPECT_EQ(log_->info().id, id);
  EXPECT_EQ(log_->info().epoch, 1);
  EXPECT_EQ(log_->info().source, kSource);
  EXPECT_EQ(log_->next(), Offset(15));
  EXPECT_EQ(log_->cursor(), "second");
  EXPECT_TRUE(log_->cut_open());
  EXPECT_EQ(log_->Append(ItemsDraft(16, 1)), Offset(15));

  const std::vector<Frame> frames = Frames();
  ASSERT_EQ(frames.size(), 3);
  ExpectChain(frames, Offset(0), 0);
  EXPECT_EQ(frames[1].changes, ItemsDraft(11, 5).changes);
  EXPECT_EQ(*frames[1].tables.at(0), *ItemsTable());
}

// Fails when a saved cursor is ignored at Open, or survives a later frame.
TEST_P(LogWritingTest, ASavedCursorCountsUntilTheNextFrame) {
  log_->Append(ItemsDraft(1, 1, "framed"));
  log_->SaveCursor("saved");
  EXPECT_EQ(log_->cursor(), "saved");
  Reopen();
  EXPECT_EQ(log_->cursor(), "saved");
  log_->Append(ItemsDraft(2, 1, "framed later"));
  Reopen();
  EXPECT_EQ(log_->cursor(), "framed later");
}

TEST_P(LogWritingTest, AnotherSourceIsRefusedByBothNames) {
  log_.reset();
  const Error error = ErrorOf([&] { Open("postgresql://test/other"); });
  EXPECT_EQ(error.exit_code(), 2);
  EXPECT_NE(error.message().find(kSource), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("postgresql://test/other"), std::string::npos);
  EXPECT_FALSE(error.hint().empty());
}

TEST_P(LogWritingTest, ASecondWriterInThisProcessIsRefused) {
  const Error error = ErrorOf([&] { Open(); });
  EXPECT_EQ(error.exit_code(), 3);
  EXPECT_NE(error.message().find("locked by another writer"), std::string::npos) << error.message();
  log_->Append(ItemsDraft(1, 1));  // the first one goes on
}

// Fails when a log's numbers stand still, or count what was written before it was opened.
TEST_P(LogWritingTest, TellsWhatItHasWrittenSinceItWasOpened) {
  const uint64_t before = log_->write_stats().wal_bytes;
  log_->Append(ItemsDraft(1, 1'000));
  const uint64_t after = log_->write_stats().wal_bytes;
  EXPECT_GT(after, before);
  Reopen();
  EXPECT_LT(log_->write_stats().wal_bytes, after);
}

// Fails when a log takes an order that it cannot carry out, or refuses one without its reason.
TEST_P(LogWritingTest, FoldsAndIsCopiedOrSaysWhyNot) {
  for (int i = 0; i < 3; ++i) log_->Append(ItemsDraft(10 * i, 10));
  const TempFolder temp;
  const auto backup = [&] { return log_->Backup(temp.path() / "backup").next; };
  if (const std::string why = GetParam().why_no_backup; why.empty()) {
    EXPECT_EQ(backup(), log_->next());
  } else {
    const Error error = ErrorOf(backup);
    EXPECT_EQ(error.message(), why);
    EXPECT_EQ(error.cause(), Cause::kUsage);
  }
  const auto fold = [&] { return log_->NewRetention({.keep_for = Microseconds(0)})->Run({}); };
  if (const std::string why = GetParam().why_no_retention; why.empty()) {
    EXPECT_EQ(fold().frames, 2);
    EXPECT_EQ(log_->NewReader()->begin(), Offset(20));
    EXPECT_EQ(log_->NewReader()->OpenBase()->info().entries, 20);
  } else {
    const Error error = ErrorOf(fold);
    EXPECT_EQ(error.message(), why);
    EXPECT_EQ(error.cause(), Cause::kUsage);
  }
  const auto reader = log_->NewReader();
  reader->Seek(Offset(20));
  EXPECT_EQ(reader->Next()->changes, ItemsDraft(20, 10).changes);
}

}  // namespace
}  // namespace syncline
