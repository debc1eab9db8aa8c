// What a real server can do to a connection: restart, become a standby and be promoted, end a
// session, lose it in the middle of a commit.

#include <fstream>

#include "tests/conformance/cutting_proxy.h"
#include "tests/conformance/running_stage.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using Rows = std::vector<std::string>;

class TargetFailures : public TargetConformance {
 protected:
  test::RunningStage Start() { return Start(target_.url()); }
  test::RunningStage Start(const sql::DatabaseUrl& url) {
    return test::RunningStage(url, {ItemsMapping()}, log_, system_clock_);
  }

  SystemClock system_clock_;
};

INSTANTIATE_TEST_SUITE_P(, TargetFailures, testing::Values(Dialect::kPostgres), DialectOf);

TEST_P(TargetFailures, AServerThatRestartsIsWaitedFor) {
  test::RunningStage running = Start();
  LogItems(2, "before", 1);
  running.WaitUntilCaughtUp();
  target_.Disconnect();
  test::SharedPostgres().StopImmediate();
  LogItems(2, "meanwhile", 2);
  test::SharedPostgres().Restart();
  LogItems(2, "after", 3);
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), (Rows{"1|after", "2|after"}));
  EXPECT_EQ(running.stats().changes, 6u);
}

// Fails when BEGIN asks for READ WRITE, which a server in recovery refuses with another code, and
// when a read-only target stops the stage.
TEST_P(TargetFailures, AStandbyIsWaitedForUntilItIsPromoted) {
  test::RunningStage running = Start();
  LogItems(2, "before", 1);
  running.WaitUntilCaughtUp();
  target_.Disconnect();
  test::MiniPostgres& server = test::SharedPostgres();
  server.Stop();
  std::ofstream(server.folder() / "data/standby.signal");
  server.Restart();
  ASSERT_EQ(server.QueryValue("SELECT pg_is_in_recovery()"), "t");
  LogItems(2, "after", 2);
  running.WaitUntilTold("read-only transaction");
  EXPECT_TRUE(running.HasTold("target_session_attrs=read-write"));
  EXPECT_EQ(Items(), (Rows{"1|before", "2|before"}));
  ASSERT_EQ(server.QueryValue("SELECT pg_promote()"), "t");
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), (Rows{"1|after", "2|after"}));
}

TEST_P(TargetFailures, ASessionThatIsEndedIsReplaced) {
  test::RunningStage running = Start();
  for (int cut = 1; cut <= 10; ++cut) {
    LogItems(300, "state " + std::to_string(cut), cut);
    target_.Execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  }
  running.WaitUntilCaughtUp();
  EXPECT_EQ(target_.Value("SELECT count(*) FROM items WHERE name = 'state 10'"), "300");
}

// Fails when a lost commit is taken for a failed one without looking at the progress row: with
// source_wins the trigger would count the update twice (invariant 4).
TEST_P(TargetFailures, ACommitWithoutAnAnswerIsSettledByTheProgressRow) {
  using Cut = test::CuttingProxy::Cut;
  test::CuttingProxy proxy(test::SharedPostgres().folder().string());
  std::string through = target_.url().connection;
  const std::string direct = test::SharedPostgres().folder().string();
  for (size_t at = through.find(direct); at != std::string::npos; at = through.find(direct)) {
    through.replace(at, direct.size(), proxy.folder());
  }
  test::RunningStage running = Start(sql::DatabaseUrl::Parse(through));
  LogItems(2, "first", 1);
  running.WaitUntilCaughtUp();
  target_.Execute(
      "CREATE TABLE writes (id bigint, name text); CREATE FUNCTION note() RETURNS trigger LANGUAGE "
      "plpgsql "
      "AS 'BEGIN INSERT INTO public.writes VALUES (new.id, new.name); RETURN new; END'; "
      "CREATE TRIGGER note AFTER INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note()");
  uint64_t expected = 0;
  for (const Cut cut : {Cut::kAfterCommit, Cut::kBeforeCommit}) {
    proxy.CutNext(cut);
    ++expected;
    LogItems(2, "cut " + std::to_string(expected), 1 + static_cast<int64_t>(expected));
    running.WaitUntilCaughtUp();
    EXPECT_EQ(target_.Value("SELECT count(*) FROM writes"), std::to_string(2 * expected));
  }
  EXPECT_EQ(proxy.cuts(), 2);
  EXPECT_EQ(running.stats().changes, 6u);
  EXPECT_EQ(Items(), (Rows{"1|cut 2", "2|cut 2"}));
}

}  // namespace
}  // namespace syncline::apply
