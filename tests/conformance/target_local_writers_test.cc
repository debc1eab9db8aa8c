// Users of the target change the rows that apply changes, at the same time. With latest_wins the
// older value never wins, at any interleaving.

#include <atomic>
#include <chrono>
#include <future>
#include <random>
#include <thread>

#include "engine/sql/dialect.h"
#include "tests/conformance/running_stage.h"
#include "tests/conformance/target_suite.h"
#include "tests/support/any_sql.h"
#include "tests/support/user_session.h"

namespace syncline::apply {
namespace {

constexpr int kHotRows = 20;  // that local users change; the log changes these and others

class LocalWriters : public TargetConformance {
 protected:
  test::RunningStage Start() {
    return test::RunningStage(target_.url(), {ItemsMapping()}, log_, system_clock_);
  }

  std::string StampSql(int64_t stamp) {
    return sql::Literal(test::Stamp(stamp), GetParam()).ToString();
  }

  std::string UpdateSql(int id, const std::string& name, int64_t stamp) {
    return "UPDATE items SET name = '" + name + "', updated_at = " + StampSql(stamp) +
           " WHERE id = " + std::to_string(id);
  }

  // What a synchroniser does that reads before it writes: takes its change for newer than `seen`.
  void WriteIfNewer(sql::Session& session, int id, int64_t stamp, const std::string& seen) {
    const auto older =
        session.Query(test::AnySql("SELECT 1 WHERE $1 < " + StampSql(stamp)), {seen});
    if (!older.rows.empty()) session.Execute(test::AnySql(UpdateSql(id, "log naive", stamp)));
  }
  std::string Read(sql::Session& session, int id) {
    return session
        .Query(test::AnySql("SELECT CAST(updated_at AS text) FROM items WHERE id = " +
                            std::to_string(id)))
        .rows.at(0)
        .at(0)
        .value();
  }

  SystemClock system_clock_;
};

// While apply wants the row, a local session holds it.
class LocalHolder : public LocalWriters {
 protected:
  struct Case {
    int rows;  // in the cut
    bool deletes;
    int64_t local;  // the stamp that the local session sets; the log's is 20
    bool commits;
  };

  static std::string Tell(const Case& c) {
    return std::to_string(c.rows) + (c.deletes ? " deletions" : " upserts") + ", local stamp " +
           std::to_string(c.local) + (c.commits ? ", committed" : ", rolled back");
  }

  void LogChange(const Case& c, int64_t stamp) {
    if (!c.deletes) return LogItems(c.rows, "log", stamp);
    log_.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= c.rows; ++id) {
        writer.AddDeletion(test::ItemsSchema(), test::MakeRow({ValueView::Int(id)}),
                           Value(test::Stamp(stamp)));
      }
    });
  }

  void WaitUntilASessionWaits() {
    test::WaitUntil("apply to wait for the row", [&] {
      return target_.Value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                 "wait_event_type = 'Lock'") == "1";
    });
  }

  std::string Item2() { return target_.Value("SELECT name FROM items WHERE id = 2"); }
};

INSTANTIATE_TEST_SUITE_P(, LocalHolder, testing::Values(Dialect::kPostgres), DialectOf);

// In single statements and in staged ones. Fails when the decision is made on what was read before
// the row was waited for.
TEST_P(LocalHolder, WhoeverIsNewerWinsWhenTheRowIsFreeAgain) {
  test::RunningStage running = Start();
  const auto local = test::OpenAsUser(target_.url());
  int64_t base = 0;
  for (const int rows : {3, 300}) {
    for (const bool deletes : {false, true}) {
      for (const int64_t stamp : {15, 30}) {
        for (const bool commits : {true, false}) {
          const Case c{rows, deletes, stamp, commits};
          SCOPED_TRACE(Tell(c));
          base += 100;
          LogItems(rows, "log before", base + 10);
          running.WaitUntilCaughtUp();
          local->Execute("BEGIN");
          local->Execute(test::AnySql(UpdateSql(2, "local", base + stamp)));
          LogChange(c, base + 20);
          WaitUntilASessionWaits();
          local->Execute(test::AnySql(commits ? "COMMIT" : "ROLLBACK"));
          running.WaitUntilCaughtUp();
          const std::string log_wins = deletes ? "" : "log";
          EXPECT_EQ(Item2(), commits && stamp > 20 ? "local" : log_wins);
        }
      }
    }
  }
}

// The same for a row that both insert.
TEST_P(LocalHolder, WhoeverIsNewerWinsWhenBothInsert) {
  test::RunningStage running = Start();
  LogItems(1, "log", 1);
  running.WaitUntilCaughtUp();
  const auto local = test::OpenAsUser(target_.url());
  int64_t base = 0;
  for (const int rows : {3, 300}) {
    for (const int64_t stamp : {15, 30}) {
      base += 100;
      target_.Execute("DELETE FROM items");
      local->Execute("BEGIN");
      local->Execute(
          test::AnySql("INSERT INTO items VALUES (2, 'local', " + StampSql(base + stamp) + ")"));
      LogItems(rows, "log", base + 20);
      WaitUntilASessionWaits();
      local->Execute("COMMIT");
      running.WaitUntilCaughtUp();
      EXPECT_EQ(Item2(), stamp > 20 ? "local" : "log") << rows << " rows";
    }
  }
}

// Why nothing may be read first: the same interleaving, and the older value has won.
TEST_P(LocalHolder, ReadingBeforeWritingLetsTheOlderValueWin) {
  LogItems(3, "log", 10);
  Apply();
  const auto local = test::OpenAsUser(target_.url());
  const auto naive = test::OpenAsUser(target_.url());
  local->Execute("BEGIN");
  local->Execute(test::AnySql(UpdateSql(2, "local", 30)));
  const std::string seen = Read(*naive, 2);
  std::future<void> written =
      std::async(std::launch::async, [&] { WriteIfNewer(*naive, 2, 20, seen); });
  WaitUntilASessionWaits();
  local->Execute("COMMIT");
  written.get();
  EXPECT_EQ(Item2(), "log naive");
}

// Local users at full speed, with stamps around those of the log; a trigger notes what each update
// found.
class BusyTarget : public LocalWriters {
 protected:
  void SetUp() override {
    LogItems(kHotRows, "log", 0);
    Apply();
    target_.Execute("CREATE TABLE audit (old_name text, old_at text, new_name text, new_at text)");
    target_.Execute(
        postgres()
            ? "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO "
              "public.audit VALUES (old.name, old.updated_at, new.name, new.updated_at); RETURN "
              "new; END'; CREATE TRIGGER note AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION "
              "note()"
            : "CREATE TRIGGER note AFTER UPDATE ON items BEGIN INSERT INTO audit VALUES (old.name, "
              "old.updated_at, new.name, new.updated_at); END");
  }

  // Log stamps are even, local ones odd.
  void Write(uint32_t seed, std::stop_token stop) {
    std::minstd_rand random(seed);
    const auto session = test::OpenAsUser(target_.url());
    while (!stop.stop_requested()) {
      try {
        sql::Transaction transaction(*session, sql::Session::Isolation::kWrite);
        for (int id = 1; id <= kHotRows; ++id) {
          if (random() % 4 != 0) continue;
          const auto offset = static_cast<int64_t>(random() % 6) * 2 - 5;
          session->Execute(test::AnySql(UpdateSql(id, "local", now_ + offset)));
        }
        transaction.Commit();
      } catch (const Error& error) {
        // Apply locks rows in conflict after the others: a user's transaction of several rows can
        // be chosen to give way, and starts over.
        if (error.reaction() != Reaction::kRestart) throw;
      }
      // SQLite's waiting is not fair: whoever never pauses keeps all others out.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::vector<std::jthread> StartWriters() {
    std::vector<std::jthread> writers;
    for (uint32_t seed = 1; seed <= 2; ++seed) {
      writers.emplace_back([this, seed](std::stop_token stop) { Write(seed, std::move(stop)); });
    }
    return writers;
  }

  // Of the log over a local value.
  std::string Overwritten(const std::string& comparison) {
    return target_.Value(
        "SELECT count(*) FROM audit WHERE new_name LIKE 'log%' AND old_name = 'local' AND new_at " +
        comparison + " old_at");
  }

  std::atomic<int64_t> now_ = 100;
};

INSTANTIATE_TEST_SUITE_P(, BusyTarget, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// Fails when the statement that writes does not decide.
TEST_P(BusyTarget, TheOlderValueNeverWins) {
  constexpr int kRounds = 60;
  test::RunningStage running = Start();
  {
    const std::vector<std::jthread> writers = StartWriters();
    for (int round = 0; round < kRounds; ++round) {
      now_ += 2;
      LogItems(round % 2 == 0 ? kHotRows : 300, "log", now_);
      running.WaitUntilCaughtUp();
    }
  }
  EXPECT_EQ(Overwritten("<"), "0");
  EXPECT_NE(Overwritten(">"), "0");
  EXPECT_GT(running.stats().rows_newer, 0u);
}

TEST_P(BusyTarget, ReadingBeforeWritingLetsTheOlderValueWin) {
  const std::vector<std::jthread> writers = StartWriters();
  const auto naive = test::OpenAsUser(target_.url());
  test::WaitUntil("an older value to win", [&] {
    now_ += 2;
    std::vector<std::string> seen;
    for (int id = 1; id <= kHotRows; ++id) seen.push_back(Read(*naive, id));
    sql::Transaction transaction(*naive, sql::Session::Isolation::kWrite);
    for (int id = 1; id <= kHotRows; ++id) WriteIfNewer(*naive, id, now_, seen[id - 1]);
    transaction.Commit();
    return Overwritten("<") != "0";
  });
}

}  // namespace
}  // namespace syncline::apply
