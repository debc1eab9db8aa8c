#include "tools/status/pipeline_status.h"

#include <gtest/gtest.h>

#include "apply/target/sql_target.h"
#include "engine/base/error.h"
#include "engine/log/log_catalog.h"
#include "tests/apply/test_log.h"
#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

using Holds = PipelineStatus::Holds;

// A log of cuts of 25 rows in frames of one row each, applied to a SQLite file.
class PipelineStatusTest : public SqliteFilesTest {
 protected:
  PipelineStatusTest()
      : config_(ParseConfig("log: log\n"
                            "databases: {source: 'sqlite:source.db', mirror: 'sqlite:mirror.db'}\n"
                            "defaults: {cursor: updated_at}\n"
                            "pipelines: {way: {from: source, to: mirror, tables: [items]}}\n",
                            folder_ / "syncline.yaml")) {
    std::filesystem::create_directories(config_.log);
    log_ = config_.Log("source")->Open("test:source", clock_);
  }

  void Cut() {
    CutWriter writer(*log_, {.frame_bytes = 1});
    for (int id = 1; id <= 25; ++id) writer.Add(test::ItemsSchema(), test::Item(id, "x", stamp_));
    writer.Close("cursor");
    ++stamp_;
  }
  void ApplyTo(std::optional<Offset> end) {
    const auto reader = log_->NewReader();
    apply::ApplyStage(apply::SqlTargetAt(Url("mirror"), {{.source = {"public", "items"},
                                                          .target = {"", "items"}}}),
                      {.pipeline = "way", .once = true, .to_offset = end, .batch_changes = 10},
                      *reader, clock_, test::QuietLogger())
        .Run({});
  }
  PipelineStatus Status() { return ReadPipelineStatus(config_, config_.pipelines[0], clock_); }

  ManualClock clock_;
  const Config config_;
  std::unique_ptr<ChangeLog> log_;
  int64_t stamp_ = 1;
};

// Fails when the last frame of the log decides, and not the one that the target has come to.
TEST_F(PipelineStatusTest, ATargetInsideOfACutIsToldFromOneAtItsEnd) {
  Cut();
  Cut();
  EXPECT_EQ(Status().holds, Holds::kOneState) << "nothing is applied yet";
  ApplyTo(Offset(20));
  EXPECT_EQ(Status().holds, Holds::kPartOfCut);
  EXPECT_EQ(Status().state, PipelineStatus::State::kBehind);
  ApplyTo(Offset(25));
  EXPECT_EQ(Status().holds, Holds::kOneState);
  ApplyTo({});
  EXPECT_EQ(Status().holds, Holds::kOneState);
  EXPECT_EQ(Status().state, PipelineStatus::State::kInStep);
}

// Fails when the frame before the target's offset is looked for among those that were folded.
TEST_F(PipelineStatusTest, ATargetThatStandsWhereTheLogBeginsIsAtACut) {
  Cut();
  Cut();
  ApplyTo(Offset(25));
  log_->NewRetention({.keep_bytes = 0})->Run({});
  ASSERT_EQ(log_->NewReader()->begin(), Offset(25));
  EXPECT_EQ(Status().state, PipelineStatus::State::kBehind) << Status().trouble;
  EXPECT_EQ(Status().holds, Holds::kOneState);
}

// The target refuses a row in the middle of the base. Fails when its progress row does not tell.
TEST_F(PipelineStatusTest, ATargetThatIsCatchingUpThroughTheBaseIsToldApart) {
  Execute(
      "mirror",
      "CREATE TABLE items(id INTEGER PRIMARY KEY CHECK (id <> 15), name TEXT, updated_at TEXT)");
  Cut();
  Cut();
  log_->NewRetention({.keep_bytes = 0})->Run({});
  EXPECT_THROW(ApplyTo({}), Error);
  EXPECT_EQ(One("mirror", "SELECT count(*) FROM items"), "10");
  EXPECT_EQ(Status().holds, Holds::kPartOfBase);
  EXPECT_THROW(ApplyTo({}), Error);  // from the beginning of the base again, and still in it
  EXPECT_EQ(Status().holds, Holds::kPartOfBase);
  Execute("mirror",
          "ALTER TABLE items RENAME TO refused; CREATE TABLE items(id INTEGER PRIMARY KEY, name "
          "TEXT, updated_at TEXT); INSERT INTO items SELECT * FROM refused");
  ApplyTo({});
  EXPECT_EQ(Status().holds, Holds::kOneState);
  EXPECT_EQ(Status().state, PipelineStatus::State::kInStep);
}

}  // namespace
}  // namespace syncline::cli
