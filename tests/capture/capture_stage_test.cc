// A stage over a recorded source: what it does with what a source tells it.
#include "capture/capture_stage.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/apply/test_log.h"
#include "tests/support/recorded_source.h"

namespace syncline::capture {
namespace {

using test::Item;
using test::ItemsSchema;

class CaptureStageTest : public testing::Test {
 protected:
  std::optional<Error> Run() {
    CaptureStage stage(test::Recorded(recording_), {.once = true}, log_.log(), clock_,
                       test::QuietLogger());
    try {
      stage.Run({});
    } catch (const Error& error) {
      return error;
    }
    return {};
  }
  size_t Changes() {
    size_t count = 0;
    const auto reader = log_.NewReader();
    while (const auto frame = reader->Next()) count += frame->changes.size();
    return count;
  }

  ManualClock clock_;
  test::TestLog log_{clock_};
  test::Recording recording_;
};

TEST_F(CaptureStageTest, LoadsPartByPartAndThenCloses) {
  recording_.Table(ItemsSchema(), {Item(1, "a", 1), Item(2, "b", 1), Item(3, "c", 1)}, 2);
  EXPECT_FALSE(Run());
  EXPECT_EQ(Changes(), 4u);  // three rows and the mark that closes the cut
  EXPECT_FALSE(log_.log().cut_open());
}

TEST_F(CaptureStageTest, WhatFailsForAWhileIsTriedAgainAndComesOnce) {
  recording_.Table(ItemsSchema(), {Item(1, "a", 1)}, 1);
  recording_.Cut({{.table = ItemsSchema(), .row = Item(2, "b", 2)}});
  recording_.Fail(RetryError("a lock"));
  recording_.Fail(RestartError("a connection"));
  EXPECT_FALSE(Run());
  EXPECT_EQ(Changes(), 2u);
}

TEST_F(CaptureStageTest, WhatTheTablesDoNotExplainLeavesRun) {
  recording_.Table(ItemsSchema(), {Item(1, "a", 1)}, 1);
  recording_.Fail(StopError("a privilege is missing"));
  const auto error = Run();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message(), "a privilege is missing");
  EXPECT_FALSE(Run()) << "the log is left so that the next one goes on";
  EXPECT_EQ(Changes(), 2u);
}

TEST_F(CaptureStageTest, TablesThatHaveChangedAreConnectedAnew) {
  recording_.Table(ItemsSchema(), {Item(1, "a", 1)}, 1);
  EXPECT_FALSE(Run());
  recording_.ChangeTables();
  recording_.Cut(
      {{.table = ItemsSchema(), .row = test::MakeRow({ValueView::Int(1)}), .deletion = true}});
  EXPECT_FALSE(Run());
  EXPECT_EQ(Changes(), 3u);
}

}  // namespace
}  // namespace syncline::capture
