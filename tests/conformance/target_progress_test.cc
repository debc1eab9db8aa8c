// Where a pipeline stands on its target: resume points, whose they are, and what happens when they
// do not fit.

#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "apply/target/sql_target.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using Rows = std::vector<std::string>;

class TargetProgress : public TargetConformance {
 protected:
  Progress Row() {
    const auto rows = ListProgress(target_.url());
    EXPECT_EQ(rows.size(), 1u);
    return rows.empty() ? Progress() : rows[0];
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetProgress, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

TEST_P(TargetProgress, ANewStageGoesOnWhereTheLastOneStopped) {
  LogItems(3, "a", 1);
  EXPECT_EQ(Apply().changes, 3u);
  Log({Item(2, "b", 2)});
  const Result result = Apply();
  EXPECT_EQ(result.changes, 1u);
  EXPECT_EQ(result.next, 4u);
  EXPECT_EQ(Items(), (Rows{"1|a", "2|b", "3|a"}));
  const Progress row = Row();
  EXPECT_EQ(row.pipeline, "p");
  EXPECT_EQ(row.log_id, log_.log().info().id.ToString());
  EXPECT_EQ(row.next, Offset(4));
  EXPECT_NE(row.frame_hash, 0u);
  EXPECT_TRUE(row.updated_at.starts_with("20")) << row.updated_at;
}

// Fails when an idle pipeline writes to its target.
TEST_P(TargetProgress, WithNothingNewNothingIsWritten) {
  LogItems(3, "a", 1);
  Apply();
  const std::string before = Row().updated_at;
  EXPECT_EQ(Apply().batches, 0u);
  EXPECT_EQ(Row().updated_at, before);
}

// The target itself notes where its commits end: a row that is written sees the progress row, which
// is moved first. Fails when a batch is filled up across the end of a cut, or handed out before its
// cut is closed.
TEST_P(TargetProgress, NoCommitEndsInsideOfACutThatFits) {
  LogItems(1, "a", 1);
  Apply();
  target_.Execute("CREATE TABLE commits (ends_at bigint)");
  target_.Execute(postgres()
                      ? "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
                        "$$BEGIN INSERT INTO public.commits SELECT next_offset FROM "
                        "public.syncline_progress; RETURN NULL; END$$; "
                        "CREATE TRIGGER note AFTER INSERT OR UPDATE ON items "
                        "EXECUTE FUNCTION note()"
                      : "CREATE TRIGGER added AFTER INSERT ON items BEGIN INSERT INTO commits "
                        "SELECT next_offset FROM syncline_progress; END; CREATE TRIGGER changed "
                        "AFTER UPDATE ON items BEGIN INSERT INTO commits SELECT next_offset FROM "
                        "syncline_progress; END");
  std::set<std::string> ends;
  for (int cut = 0; cut < 40; ++cut) {
    log_.Cut(
        [&](CutWriter& writer) {
          for (int id = 0; id < 1 + cut * 7 % 10; ++id)
            writer.Add(ItemsSchema(), Item(id, "b", cut));
        },
        /*frame_bytes=*/1);
    ends.insert(std::to_string(log_.end().value()));
  }
  ApplyOptions options = Once();
  options.batch_changes = 10;
  EXPECT_EQ(Apply({ItemsMapping()}, options).next, log_.end().value());
  const Rows commits = target_.Rows("SELECT DISTINCT ends_at FROM commits");
  EXPECT_GT(commits.size(), 10u);
  for (const std::string& end : commits) EXPECT_TRUE(ends.contains(end)) << end;
}

// Invariant 4. Two processes that read one history up to the same offset, and two different ones:
// the second of them must not move what the first one has moved. Seen to fail when the hash of the
// frame is not compared.
TEST_P(TargetProgress, ARowMovesOnlyFromWhereItIs) {
  LogItems(3, "a", 1);
  Apply();
  const auto session = sql::Session::Open(target_.url());
  const Progress from = Row();
  const auto moves = [&](const Progress& expected, const Progress& to) {
    try {
      AdvanceProgress(*session, expected, to);
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kRestart) << error.message();
      return false;
    }
  };
  for (const auto& differ : std::vector<std::function<void(Progress&)>>{
           [](Progress& row) { row.frame_hash += 1; }, [](Progress& row) { row.epoch += 1; },
           [](Progress& row) { row.next = row.next + 1; },
           [](Progress& row) { row.log_id = "another"; },
           [](Progress& row) { row.pipeline = "another"; }}) {
    Progress other = from;
    differ(other);
    EXPECT_FALSE(moves(other, from));
    EXPECT_EQ(Row().next, from.next);
  }
  Progress here = from, there = from;
  here.next = there.next = from.next + 5;
  here.frame_hash = 11;
  there.frame_hash = 22;
  EXPECT_TRUE(moves(from, here));
  EXPECT_FALSE(moves(from, there));
  EXPECT_FALSE(moves(there, from));
  EXPECT_EQ(Row().frame_hash, 11u);
  EXPECT_FALSE(moves({}, from)) << "the row is there";
}

TEST_P(TargetProgress, ApplyingAgainFromTheStartChangesNothing) {
  LogItems(300, "a", 1);
  LogItems(300, "b", 2);
  Log({Item(5, "late", 1)});
  Apply();
  const Rows before = Items();
  RewindTo(0);
  EXPECT_EQ(Row().next, Offset(0));
  EXPECT_EQ(Apply().changes, 601u);
  EXPECT_EQ(Items(), before);
}

// A table made in the middle of the log would lack what came before. Seen to fail without
// CheckNothingIsMissing: the row that comes next is then alone in its table.
TEST_P(TargetProgress, ATableThatWentMissingIsNotMadeWithoutItsPast) {
  LogItems(3, "a", 1);
  Apply();
  target_.Execute("DROP TABLE items");
  Log({Item(2, "b", 2)});
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_NE(error->hint().find("offsets set p 0"), std::string::npos) << error->hint();
  RewindTo(0);
  Apply();
  EXPECT_EQ(Items(), (Rows{"1|a", "2|b", "3|a"}));
}

TEST_P(TargetProgress, ATableWithoutAPastIsMadeAtAnyOffset) {
  TableMapping other = ItemsMapping();
  other.source.name = "other";
  LogItems(3, "a", 1);
  Apply({other});
  EXPECT_EQ(Apply({other}).next, 3u);
}

TEST_P(TargetProgress, TwoPipelinesOnOneTargetHaveTheirOwnRows) {
  LogItems(3, "a", 1);
  Apply();
  ApplyOptions options = Once();
  options.pipeline = "q";
  EXPECT_EQ(Apply({ItemsMapping()}, options).changes, 3u);
  EXPECT_EQ(ListProgress(target_.url()).size(), 2u);
}

TEST_P(TargetProgress, ATargetWithoutTheTableHasNoProgress) {
  target_.Execute("CREATE TABLE t (id int)");  // SQLite: makes the file
  EXPECT_TRUE(ListProgress(target_.url()).empty());
  EXPECT_THROW(RewindTo(0), Error);
}

TEST_P(TargetProgress, ARowOfAnotherLogIsRefusedByName) {
  LogItems(3, "a", 1);
  Apply();
  target_.Execute("UPDATE syncline_progress SET log_id = '00000000-0000-0000-0000-000000000000'");
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->exit_code(), 2);
  EXPECT_NE(error->message().find("00000000-0000"), std::string::npos);
  EXPECT_NE(error->message().find(log_.log().info().id.ToString()), std::string::npos);
  EXPECT_NE(error->hint().find("replay"), std::string::npos);
  try {
    RewindTo(0);
    ADD_FAILURE() << "an offset was set in another log";
  } catch (const Error& refused) {
    EXPECT_EQ(refused.exit_code(), 2);
  }
}

TEST_P(TargetProgress, ALaterEpochThanTheLogsIsDamage) {
  LogItems(3, "a", 1);
  Apply();
  target_.Execute("UPDATE syncline_progress SET epoch = epoch + 1");
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->exit_code(), 4);
  EXPECT_NE(error->message().find("older copy"), std::string::npos) << error->message();
  EXPECT_FALSE(error->hint().empty());
}

// Fails when a pipeline follows nothing but its own epoch, and when its row keeps the old one.
TEST_P(TargetProgress, ALogThatWasCutBehindTheTargetIsFollowed) {
  LogItems(3, "a", 1);
  Apply();
  LogItems(3, "lost", 2);
  log_.CutAt(Offset(3));
  LogItems(3, "b", 2);
  EXPECT_EQ(Apply().changes, 3u);
  EXPECT_EQ(Items(), (Rows{"1|b", "2|b", "3|b"}));
  EXPECT_EQ(Row().epoch, 2u);
}

// Fails when the offset alone decides: the log has grown past it again, with other changes.
TEST_P(TargetProgress, ALogThatLostWhatTheTargetHasIsNotFollowed) {
  LogItems(3, "a", 1);
  LogItems(3, "kept by the target only", 2);
  Apply();
  log_.CutAt(Offset(3));
  LogItems(3, "b", 2);
  LogItems(3, "c", 3);
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->exit_code(), 4);
  EXPECT_NE(error->message().find("cut at offset 3"), std::string::npos) << error->message();
  EXPECT_NE(error->hint().find("replay"), std::string::npos);
  EXPECT_EQ(Items().front(), "1|kept by the target only");
  RewindTo(0);  // who knows better says so
  EXPECT_EQ(Apply().changes, 9u);
  EXPECT_EQ(Items(), (Rows{"1|c", "2|c", "3|c"}));
}

// A log that lost its end, or an old copy of it (invariant 7).
TEST_P(TargetProgress, ATargetThatIsAheadOfTheLogIsDamage) {
  LogItems(3, "a", 1);
  Apply();
  target_.Execute("UPDATE syncline_progress SET next_offset = 100");
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->exit_code(), 4);
  EXPECT_NE(error->message().find("100"), std::string::npos);
}

// Fails when the chain is not checked across a restart: the log's history is another one (invariant
// 2).
TEST_P(TargetProgress, AFrameHashThatDoesNotFitIsDamage) {
  LogItems(3, "a", 1);
  Apply();
  LogItems(3, "b", 2);
  target_.Execute("UPDATE syncline_progress SET frame_hash = '00000000000000ab'");
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->exit_code(), 4);
  EXPECT_EQ(Items().front(), "1|a");
}

TEST_P(TargetProgress, ToAnOffsetInsideAFrameAndOnFromThere) {
  LogItems(10, "a", 1);
  ApplyOptions options = Once();
  options.to_offset = Offset(4);
  EXPECT_EQ(Apply({ItemsMapping()}, options).next, 4u);
  EXPECT_EQ(Items().size(), 4u);
  EXPECT_EQ(Row().frame_hash, 0u);
  EXPECT_EQ(Apply({ItemsMapping()}, options).batches, 0u);  // it is there already
  EXPECT_EQ(Apply().changes, 6u);
  EXPECT_EQ(Items().size(), 10u);
}

TEST_P(TargetProgress, ToATimeThatIsPastWithoutOnceReturnsToo) {
  LogItems(2, "a", 1);
  const WallTime then = clock_.Now();
  clock_.Advance(std::chrono::seconds(1));
  LogItems(2, "b", 2);
  const ApplyOptions options{.pipeline = "p", .to_time = then};
  EXPECT_EQ(Apply({ItemsMapping()}, options).next, 2u);
  EXPECT_EQ(Items(), (Rows{"1|a", "2|a"}));
  clock_.Advance(std::chrono::seconds(1));
  const ApplyOptions later{.pipeline = "p", .to_time = clock_.Now() - std::chrono::milliseconds(1)};
  EXPECT_EQ(Apply({ItemsMapping()}, later).next, 4u);
}

TEST_P(TargetProgress, ALargeCutIsAppliedInSeveralBatches) {
  log_.Cut(
      [](CutWriter& writer) {
        for (int id = 1; id <= 100; ++id) writer.Add(ItemsSchema(), Item(id, "a", 1));
      },
      /*frame_bytes=*/200);
  ApplyOptions options = Once();
  options.batch_changes = 30;
  EXPECT_GE(Apply({ItemsMapping()}, options).batches, 3u);
  EXPECT_EQ(Items().size(), 100u);
}

// Fails when rows and progress commit apart (invariant 4).
TEST_P(TargetProgress, ARefusedRowStopsThePipelineAndLeavesNothingHalfDone) {
  LogItems(2, "a", 1);
  Apply();
  target_.Execute(postgres() ? "ALTER TABLE items ADD CHECK (name <> 'bad')"
                             : "CREATE TRIGGER no_bad BEFORE UPDATE ON items WHEN new.name = 'bad' "
                               "BEGIN SELECT RAISE(ABORT, 'refused'); END");
  Log({Item(1, "good", 2), Item(2, "bad", 2)});
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reaction(), Reaction::kStop);
  EXPECT_NE(error->message().find("offsets 2 to 3"), std::string::npos) << error->message();
  EXPECT_NE(error->message().find("items"), std::string::npos);
  EXPECT_NE(error->message().find(error->code()), std::string::npos);
  EXPECT_EQ(Items(), (Rows{"1|a", "2|a"}));
  EXPECT_EQ(Row().next, Offset(2));
}

// Two processes on one pipeline: each batch is committed by one of them. Fails, with more than 200
// changes in all, when the progress row is moved without comparing it first.
TEST_P(TargetProgress, TwoStagesOnOnePipelineCommitEachChangeOnce) {
  for (int cut = 1; cut <= 100; ++cut) LogItems(2, "state " + std::to_string(cut), cut);
  Result results[2] = {};
  {
    std::vector<std::jthread> threads;
    for (Result& result : results) {
      threads.emplace_back([this, &result] {
        ApplyOptions options = Once();
        options.batch_changes = 4;
        result = Apply({ItemsMapping()}, options);
      });
    }
  }
  EXPECT_EQ(results[0].changes + results[1].changes, 200u);
  EXPECT_EQ(Row().next, Offset(200));
  EXPECT_EQ(Items(), (Rows{"1|state 100", "2|state 100"}));
}

// A running stage: waits for the log, applies what comes, and stops when told to.
TEST_P(TargetProgress, ARunningStageFollowsTheLogUntilItIsStopped) {
  const auto reader = log_.NewReader();
  ApplyStage stage(SqlTargetAt(target_.url(), {ItemsMapping()}), {.pipeline = "p"}, *reader, clock_,
                   test::QuietLogger());
  std::jthread thread([&](std::stop_token stop) { stage.Run(stop); });
  for (int cut = 1; cut <= 20; ++cut) {
    LogItems(2, "state " + std::to_string(cut), cut);
    while (stage.stats().next_offset < log_.end().value()) std::this_thread::yield();
  }
  thread.request_stop();
  thread.join();
  EXPECT_EQ(Items(), (Rows{"1|state 20", "2|state 20"}));
  EXPECT_EQ(stage.stats().batches, 20u);
}

}  // namespace
}  // namespace syncline::apply
