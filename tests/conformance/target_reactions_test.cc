// What a database can answer in the middle of a batch, and what the stage makes of it: tries again,
// waits until it is over, or stops and says what to do. Each error comes from the real thing.

#include <fstream>
#include <future>

#include "tests/conformance/running_stage.h"
#include "tests/conformance/small_disk.h"
#include "tests/conformance/target_suite.h"
#include "tests/support/user_session.h"

namespace syncline::apply {
namespace {

using Rows = std::vector<std::string>;

class TargetReactions : public TargetConformance {
 protected:
  test::RunningStage Start() { return Start(target_.url()); }
  test::RunningStage Start(const sql::DatabaseUrl& url) {
    return test::RunningStage(url, {ItemsMapping()}, log_, system_clock_);
  }

  std::unique_ptr<sql::Session> Connect() { return test::OpenAsUser(target_.url()); }

  // A setting for sessions that start from now on; without a value the server's own.
  void Set(const std::string& name, const std::string& value = {}) {
    const std::string database = target_.Value("SELECT current_database()");
    target_.Execute("ALTER DATABASE " + database +
                    (value.empty() ? " RESET " + name : " SET " + name + " = '" + value + "'"));
  }

  void EndOtherSessions() {
    target_.Execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  }

  // Every write of item 2 waits while somebody holds advisory lock 2.
  void MakeGate() {
    target_.Execute(
        "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock(2); RETURN new; END';"
        "CREATE TRIGGER gate BEFORE INSERT OR UPDATE ON items FOR EACH ROW WHEN (new.id = 2) "
        "EXECUTE FUNCTION gate()");
  }

  void WaitUntilSessionsWait(int count) {
    test::WaitUntil("sessions to wait for locks", [&] {
      return target_.Value(
                 "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE "
                 "NOT granted AND datname = current_database()") == std::to_string(count);
    });
  }

  void ExpectProgressAt(uint64_t next) {
    EXPECT_EQ(target_.Value("SELECT next_offset FROM syncline_progress"), std::to_string(next));
  }

  SystemClock system_clock_;
};

class PostgresReactions : public TargetReactions {};
class SqliteReactions : public TargetReactions {};
INSTANTIATE_TEST_SUITE_P(, PostgresReactions, testing::Values(Dialect::kPostgres), DialectOf);
INSTANTIATE_TEST_SUITE_P(, SqliteReactions, testing::Values(Dialect::kSqlite), DialectOf);

const Rows kBefore = {"1|before", "2|before", "3|before"};
const Rows kAfter = {"1|after", "2|after", "3|after"};

// Apply holds row 1 and wants row 3, a local session the other way round. The server chooses the
// one whose deadlock_timeout is over first, which is apply. Fails when a deadlock stops the stage.
TEST_P(PostgresReactions, ADeadlockWithALocalSessionIsTriedAgain) {
  Set("deadlock_timeout", "10ms");
  test::RunningStage running = Start();
  LogItems(3, "before", 1);
  running.WaitUntilCaughtUp();
  MakeGate();
  const auto holder = Connect(), local = Connect();
  holder->Execute("SELECT pg_advisory_lock(2)");
  local->Execute("SET deadlock_timeout = '1h'; BEGIN");
  local->Execute("UPDATE items SET name = 'local' WHERE id = 3");
  LogItems(3, "after", 2);
  WaitUntilSessionsWait(1);
  std::future<void> theirs = std::async(
      std::launch::async, [&] { local->Execute("UPDATE items SET name = 'local' WHERE id = 1"); });
  WaitUntilSessionsWait(2);
  holder->Execute("SELECT pg_advisory_unlock(2)");
  running.WaitUntilTold("deadlock detected");
  theirs.get();
  EXPECT_EQ(Items(), kBefore);
  ExpectProgressAt(3);
  local->Execute("ROLLBACK");
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), kAfter);
  EXPECT_TRUE(running.HasTold("apply goes on again"));
}

// As servers do at READ COMMITTED when rows move between partitions, and as a trigger may: in a
// statement, and in the commit itself. Fails when such an error stops the stage, or a failed commit
// counts.
TEST_P(PostgresReactions, ASerializationFailureIsTriedAgain) {
  test::RunningStage running = Start();
  LogItems(3, "first", 1);
  running.WaitUntilCaughtUp();
  target_.Execute(
      "CREATE SEQUENCE failures; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN IF nextval('public.failures') < 3 THEN RAISE EXCEPTION USING errcode = "
      "'serialization_failure'; END IF; RETURN new; END $$");
  const std::string kTriggers[] = {
      "CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON items FOR EACH ROW WHEN (new.id = 3) EXECUTE "
      "FUNCTION fail()",
      "CREATE CONSTRAINT TRIGGER fail AFTER INSERT OR UPDATE ON items DEFERRABLE INITIALLY "
      "DEFERRED FOR EACH ROW WHEN (new.id = 3) EXECUTE FUNCTION fail()"};
  int64_t stamp = 1;
  for (const std::string& trigger : kTriggers) {
    target_.Execute("SELECT setval('failures', 1, false)");
    target_.Execute(trigger);
    LogItems(3, "after", ++stamp);
    running.WaitUntilCaughtUp();
    EXPECT_GE(std::stoi(target_.Value("SELECT last_value FROM failures")), 3);
    EXPECT_EQ(Items(), kAfter);
    target_.Execute("DROP TRIGGER fail ON items");
  }
  EXPECT_EQ(running.stats().changes, 9u);
}

// The role's own limit counts; without one it is ten seconds. Fails when the session sets another
// limit, and hangs when it has none.
TEST_P(PostgresReactions, ALockThatIsHeldTooLongIsWaitedForAndTold) {
  Set("lock_timeout", "50ms");
  test::RunningStage running = Start();
  LogItems(3, "before", 1);
  running.WaitUntilCaughtUp();
  const auto local = Connect();
  local->Execute("BEGIN");
  local->Execute("LOCK TABLE items IN SHARE MODE");
  LogItems(3, "after", 2);
  running.WaitUntilTold("lock timeout");
  EXPECT_TRUE(running.HasTold("pg_stat_activity"));
  EXPECT_EQ(Items(), kBefore);
  ExpectProgressAt(3);
  local->Execute("ROLLBACK");
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), kAfter);
}

TEST_P(PostgresReactions, AStatementThatSomebodyCancelsIsTriedAgain) {
  test::RunningStage running = Start();
  LogItems(3, "before", 1);
  running.WaitUntilCaughtUp();
  MakeGate();
  const auto holder = Connect();
  holder->Execute("SELECT pg_advisory_lock(2)");
  LogItems(3, "after", 2);
  WaitUntilSessionsWait(1);
  target_.Execute("SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted");
  running.WaitUntilTold("canceling statement due to user request");
  EXPECT_EQ(Items(), kBefore);
  holder->Execute("SELECT pg_advisory_unlock(2)");
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), kAfter);
}

// Fails, by never catching up, when the session keeps the role's limit: the batch would be ended
// again and again.
TEST_P(PostgresReactions, AStatementTimeoutForPeopleDoesNotEndABatch) {
  LogItems(3, "before", 1);
  Apply();
  target_.Execute(
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); "
      "RETURN new; END'; CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE "
      "FUNCTION slow()");
  Set("statement_timeout", "50ms");
  test::RunningStage running = Start();
  LogItems(3, "after", 2);
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), kAfter);
  EXPECT_FALSE(running.HasTold("interrupted"));
}

TEST_P(PostgresReactions, BetweenBatchesNoTransactionIsOpen) {
  test::RunningStage running = Start();
  LogItems(3, "before", 1);
  running.WaitUntilCaughtUp();
  test::WaitUntil("apply's session to be idle", [&] {
    return target_.Value(
               "SELECT string_agg(state || coalesce(xact_start::text, ''), ',') FROM "
               "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") ==
           "idle";
  });
}

// Fails when BEGIN asks for READ WRITE, which overrules the setting, and when it stops the stage.
TEST_P(PostgresReactions, AReadOnlyDatabaseIsWaitedFor) {
  test::RunningStage running = Start();
  LogItems(3, "before", 1);
  running.WaitUntilCaughtUp();
  Set("default_transaction_read_only", "on");
  EndOtherSessions();
  LogItems(3, "after", 2);
  running.WaitUntilTold("read-only transaction");
  EXPECT_TRUE(running.HasTold("default_transaction_read_only is on"));
  EXPECT_EQ(Items(), kBefore);
  Set("default_transaction_read_only");
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), kAfter);
}

// Fails when only the first of many equal errors is told.
TEST_P(PostgresReactions, WhatLastsIsToldAgainNowAndThen) {
  LogItems(3, "before", 1);
  Apply();
  Set("default_transaction_read_only", "on");
  LogItems(3, "after", 2);
  test::RunningStage running(target_.url(), {ItemsMapping()}, log_, clock_);
  running.WaitUntilTold("try=11 ");
  EXPECT_FALSE(running.HasTold("try=5 "));
  Set("default_transaction_read_only");
}

// Fails, by never coming to an end, when `once` waits for better times like everybody.
TEST_P(PostgresReactions, OnceGivesUpAfterSomeTries) {
  LogItems(3, "before", 1);
  Apply();
  Set("default_transaction_read_only", "on");
  LogItems(3, "after", 2);
  const Microseconds started = clock_.Monotonic();
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), "25006");
  EXPECT_EQ(error->exit_code(), 3);
  EXPECT_FALSE(error->hint().empty());
  EXPECT_GT(clock_.Monotonic() - started, std::chrono::seconds(1));
  EXPECT_EQ(Items(), kBefore);
  Set("default_transaction_read_only");
  Apply();
  EXPECT_EQ(Items(), kAfter);
}

TEST_P(PostgresReactions, AFullDiskIsWaitedFor) {
  if (!test::SmallDisk::MayMount()) GTEST_SKIP() << "needs root, to mount a small file system";
  constexpr int kMany = 20'000;
  test::SmallDisk disk;
  test::MiniPostgres& server = test::SharedPostgres();
  server.Execute("CREATE TABLESPACE small LOCATION '" + disk.path().string() + "'");
  Set("default_tablespace", "small");
  {
    test::RunningStage running = Start();
    LogItems(3, "before", 1);
    running.WaitUntilCaughtUp();
    disk.Fill();
    LogItems(kMany, "after", 2);
    running.WaitUntilTold("No space left on device");
    EXPECT_TRUE(running.HasTold("Make room on the server's disk"));
    EXPECT_EQ(Items(), kBefore);
    ExpectProgressAt(3);
    disk.Free();
    running.WaitUntilCaughtUp();
    EXPECT_EQ(target_.Value("SELECT count(*) FROM items WHERE name = 'after'"),
              std::to_string(kMany));
  }
  // So that no later start of the server looks for the disk.
  target_.Execute(
      "DROP TABLE items, syncline_progress, syncline_conflicts, syncline_quarantine, "
      "syncline_schemas");
  server.Execute("DROP TABLESPACE small");
  server.Execute("CHECKPOINT");
}

// What the hint says is what helps: the test runs it. Fails when the hint leaves out a privilege,
// and when a stage goes on without it.
TEST_P(PostgresReactions, ARevokedPrivilegeStopsWithTheGrantThatHelps) {
  const std::string database = target_.Value("SELECT current_database()");
  const std::string role = "applier_of_" + database;
  target_.Execute(
      "CREATE ROLE " + role +
      " LOGIN; CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz);"
      "GRANT SELECT, INSERT, UPDATE, DELETE ON items TO " +
      role + "; GRANT USAGE, CREATE ON SCHEMA public TO " + role);
  const auto url = sql::DatabaseUrl::Parse(test::SharedPostgres().Url(database, role));
  const std::string to = " TO \"" + role + "\";";
  const std::string schema_grant = "GRANT USAGE ON SCHEMA \"public\"" + to;
  const std::string progress_grant =
      "GRANT SELECT, INSERT, UPDATE ON \"public\".\"syncline_progress\"" + to;
  const std::pair<std::string, std::string> kCases[] = {
      {"REVOKE UPDATE, DELETE ON items FROM " + role,
       "GRANT UPDATE, DELETE ON \"public\".\"items\"" + to},
      {"REVOKE ALL ON syncline_progress FROM " + role, progress_grant},
      {"REVOKE ALL ON SCHEMA public FROM public, " + role, schema_grant},
      {"REVOKE ALL ON SCHEMA public FROM " + role +
           "; REVOKE ALL ON items, syncline_progress FROM " + role,
       schema_grant + " GRANT SELECT, INSERT, UPDATE, DELETE ON \"public\".\"items\"" + to + " " +
           progress_grant},
  };
  LogItems(3, "before", 1);
  int64_t stamp = 1;
  for (const auto& [revoke, grant] : kCases) {
    test::RunningStage running = Start(url);
    running.WaitUntilCaughtUp();
    const Rows before = Items();
    const std::string at = target_.Value("SELECT next_offset FROM syncline_progress");
    target_.Execute(revoke);
    ++stamp;
    LogItems(3, "after " + std::to_string(stamp), stamp);
    const Error error = running.WaitForError();
    EXPECT_EQ(error.reaction(), Reaction::kStop);
    EXPECT_EQ(error.hint(), "As the owner or a superuser, run: " + grant) << error.message();
    EXPECT_EQ(Items(), before);
    EXPECT_EQ(target_.Value("SELECT next_offset FROM syncline_progress"), at);
    target_.Execute(grant);
  }
  Start(url).WaitUntilCaughtUp();
  EXPECT_EQ(target_.Value("SELECT count(*) FROM items WHERE name = 'after 5'"), "3");
}

// Takes the ten seconds for which a busy file is waited for.
TEST_P(SqliteReactions, ABusyFileIsWaitedForAndTold) {
  test::RunningStage running = Start();
  LogItems(3, "before", 1);
  running.WaitUntilCaughtUp();
  const auto local = Connect();
  local->Begin(sql::Session::Isolation::kWrite);
  LogItems(3, "after", 2);
  running.WaitUntilTold("database is locked");
  EXPECT_TRUE(running.HasTold("Another program writes to the file"));
  local->Rollback();
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Items(), kAfter);
}

TEST_P(SqliteReactions, AFullDiskIsWaitedFor) {
  if (!test::SmallDisk::MayMount()) GTEST_SKIP() << "needs root, to mount a small file system";
  constexpr int kMany = 20'000;
  test::SmallDisk disk;
  const auto url = sql::DatabaseUrl::Parse("sqlite:" + (disk.path() / "target.db").string());
  test::RunningStage running = Start(url);
  LogItems(3, "before", 1);
  running.WaitUntilCaughtUp();
  disk.Fill();
  LogItems(kMany, "after", 2);
  running.WaitUntilTold("database or disk is full");
  EXPECT_TRUE(running.HasTold("Make room on the disk"));
  disk.Free();
  running.WaitUntilCaughtUp();
  const auto session = test::OpenAsUser(url);
  EXPECT_EQ(session->Query("SELECT count(*) FROM items WHERE name = 'after'").rows[0][0],
            std::to_string(kMany));
}

// A file whose write version is one that this SQLite does not know is read-only to it (the file
// format, section 1.3.3): for root, too, whom permissions do not hold back.
TEST_P(SqliteReactions, AReadOnlyFileStopsWithAHint) {
  LogItems(3, "before", 1);
  Apply();
  target_.Disconnect();
  const auto set_write_version = [&](char version) {
    std::fstream file(target_.url().connection, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(18);
    file.put(version);
  };
  set_write_version(3);
  LogItems(3, "after", 2);
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), "SQLITE_READONLY");
  EXPECT_EQ(error->exit_code(), 3);
  EXPECT_NE(error->hint().find("needs to write to the file"), std::string::npos) << error->hint();
  set_write_version(2);
  EXPECT_EQ(Items(), kBefore);
  ExpectProgressAt(3);
  Apply();
  EXPECT_EQ(Items(), kAfter);
}

}  // namespace
}  // namespace syncline::apply
