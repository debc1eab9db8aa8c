// What every source must do alike, through the interface that a stage knows.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "capture/capture_stage.h"
#include "engine/log/rocks/open_log.h"
#include "engine/model/value_text.h"
#include "tests/apply/test_log.h"
#include "tests/conformance/source_database.h"

namespace syncline::capture {
namespace {

class SourceConformance : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    log_ = OpenRocksLog(folder_.path() / "log", source_->Identity(), clock_);
    connector_ = source_->Maker()({options_, *log_, clock_, stats_, *logger_});
  }

  // As a stage does it: a new connection wherever one is to be thrown away.
  Source::Outcome Next(const std::vector<RowKeys>& again = {}) {
    for (int tries = 0; tries < 10; ++tries) {
      if (!connection_) connection_ = connector_->Connect({});
      while (connection_->loading()) connection_->LoadNext({});
      const Source::Outcome outcome = connection_->Next(again);
      if (outcome != Source::Outcome::kTablesChanged) return outcome;
      connection_.reset();
    }
    throw std::runtime_error("the tables change without an end");
  }
  void Reconnect() { connection_.reset(); }

  // "1 a, 2 b": the last states in the log.
  std::string Logged() {
    std::map<std::string, std::string> rows;
    const auto reader = log_->NewReader();
    while (const std::optional<Frame> frame = reader->Next()) {
      for (const Change& change : frame->changes) {
        if (change.op == Op::kMark) continue;
        const std::string key = ToText(change.row[0]);
        if (change.op == Op::kDelete) rows.erase(key);
        if (change.op == Op::kUpsert) rows[key] = ToText(change.row[1]);
      }
    }
    std::string text;
    for (const auto& [key, name] : rows) text += (text.empty() ? "" : ", ") + key + " " + name;
    return text;
  }
  RowKeys Keys(int id) const { return {source_->Items(), {test::MakeRow({ValueView::Int(id)})}}; }

  const std::unique_ptr<test::SourceUnderTest> source_ = test::MakeSourceUnderTest(GetParam());
  test::TempFolder folder_;
  SystemClock clock_;
  CaptureOptions options_{.margin = Microseconds(0)};
  CaptureStats stats_;
  const std::shared_ptr<Logger> logger_ = test::QuietLogger();
  std::unique_ptr<ChangeLog> log_;
  std::unique_ptr<SourceConnector> connector_;
  std::unique_ptr<Source> connection_;
};

TEST_P(SourceConformance, WhatIsThereIsLoggedAndTheCutIsClosed) {
  source_->Put(1, "a");
  source_->Put(2, "b");
  Next();
  EXPECT_EQ(Logged(), "1 a, 2 b");
  EXPECT_FALSE(log_->cut_open());
}

TEST_P(SourceConformance, NothingNewIsNothingInTheLog) {
  source_->Put(1, "a");
  Next();
  const Offset end = log_->next();
  EXPECT_EQ(Next(), Source::Outcome::kNothing);
  EXPECT_EQ(log_->next(), end);
}

TEST_P(SourceConformance, WhatComesLaterComesInAnotherCut) {
  source_->Put(1, "a");
  Next();
  source_->Put(1, "b");
  source_->Put(2, "c");
  EXPECT_EQ(Next(), Source::Outcome::kLogged);
  EXPECT_EQ(Logged(), "1 b, 2 c");
  EXPECT_FALSE(log_->cut_open());
}

TEST_P(SourceConformance, AnotherConnectionGoesOnWhereTheLogSays) {
  source_->Put(1, "a");
  Next();
  const Offset end = log_->next();
  Reconnect();
  EXPECT_EQ(Next(), Source::Outcome::kNothing);
  EXPECT_EQ(log_->next(), end);
  Reconnect();
  source_->Put(2, "b");
  Next();
  EXPECT_EQ(log_->next(), end + 1);
  EXPECT_EQ(Logged(), "1 a, 2 b");
}

TEST_P(SourceConformance, ARowIsReadAgainByItsKey) {
  source_->Put(1, "a");
  source_->Put(2, "b");
  Next();
  source_->Delete(2);
  if (source_->CanHide()) source_->PutHidden(1, "hidden");
  Next({Keys(1), Keys(2), Keys(3)});
  EXPECT_EQ(Logged(), source_->CanHide() ? "1 hidden" : "1 a");
  const Offset end = log_->next();
  Next({Keys(1), Keys(2), Keys(3)});
  EXPECT_EQ(log_->next(), end) << "what is known is not logged again";
}

TEST_P(SourceConformance, DeletionsComeByThemselvesWhereTheSourceTellsThem) {
  source_->Put(1, "a");
  Next();
  source_->Delete(1);
  Next();
  EXPECT_EQ(Logged(), source_->SeesDeletions() ? "" : "1 a");
}

TEST_P(SourceConformance, TablesThatChangeEndAConnectionAndNothingElse) {
  source_->Put(1, "a");
  Next();
  source_->AddColumn();
  source_->Put(2, "b");
  Next();
  EXPECT_EQ(Logged(), "1 a, 2 b");
  EXPECT_FALSE(log_->cut_open());
}

TEST_P(SourceConformance, TablesAreDescribedAsTheyAreLogged) {
  source_->Put(1, "a");
  Next();
  const auto schema = connection_->Describe(source_->Items());
  ASSERT_NE(schema, nullptr);
  const std::optional<Frame> frame = log_->NewReader()->Next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->tables.at(0)->id(), schema->id());
  EXPECT_EQ(connection_->Describe({"public", "others"}), nullptr);
}

TEST_P(SourceConformance, AStageRunsIt) {
  source_->Put(1, "a");
  CaptureStage stage(source_->Maker(), {.once = true, .margin = Microseconds(0)}, *log_, clock_,
                     logger_);
  stage.Run({});
  EXPECT_EQ(Logged(), "1 a");
}

INSTANTIATE_TEST_SUITE_P(Each, SourceConformance, testing::Values("Sqlite", "Postgres", "Recorded"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace syncline::capture
