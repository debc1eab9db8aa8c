// Two batches at a time: what comes of it is what comes of one after the other.

#include <algorithm>
#include <atomic>
#include <future>

#include "tests/conformance/target_lanes_suite.h"
#include "tests/support/any_sql.h"
#include "tests/support/user_session.h"

namespace syncline::apply {
namespace {

INSTANTIATE_TEST_SUITE_P(, TargetLanes, testing::Values(Dialect::kPostgres), DialectOf);

// Whoever looks sees one batch after the other. Fails when the second batch does not wait for the
// first one's commit: then its progress row is not where it should be, and nothing goes ahead.
TEST_P(TargetLanes, OnlyWholeBatchesInTheLogsOrderAreSeen) {
  test::RunningStage running = Start();
  Settle(running);
  std::atomic<bool> over = false;
  std::future<int> looking = std::async(std::launch::async, [&] {
    const auto session = test::OpenAsUser(target_.url());
    int looks = 0;
    for (; !over; ++looks) {
      const auto seen =
          session->Query("SELECT next_offset, (SELECT count(*) FROM items) FROM syncline_progress");
      EXPECT_EQ(seen.rows.at(0).at(0), seen.rows.at(0).at(1));
    }
    return looks;
  });
  LogShuffled(11, 60'000, "new", 2);
  running.WaitUntilCaughtUp();
  over = true;
  EXPECT_GT(looking.get(), 1);
  EXPECT_EQ(Count("new"), "59990");
  EXPECT_GE(running.stats().batches_ahead, AheadAtLeast(4));
  const uint64_t after_load = running.stats().batches_ahead;
  LogShuffled(1, 60'000, "changed", 3);
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Count("changed"), "60000");
  EXPECT_GE(running.stats().batches_ahead, after_load + AheadAtLeast(4));
  EXPECT_EQ(running.stats().conflicts, 0u);
}

// Fails when keys are not compared.
TEST_P(TargetLanes, BatchesThatShareAKeyComeOneByOne) {
  test::RunningStage running = Start();
  Settle(running);
  for (int round = 2; round < 7; ++round) {
    log_.Cut([&](CutWriter& writer) {
      for (int id = kFrameRows; id >= 1; --id) {
        writer.Add(test::ItemsSchema(), test::Item(id, "round " + std::to_string(round), round));
      }
    });
  }
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Count("round 6"), std::to_string(kFrameRows));
  EXPECT_EQ(running.stats().batches_ahead, 0u);
}

// A B-tree is filled from its end. Fails when loads are written from two sides.
TEST_P(TargetLanes, ALoadInKeyOrderComesOneByOne) {
  test::RunningStage running = Start();
  Settle(running);
  LogItems(20'000, "load", 2);
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Count("load"), "20000");
  EXPECT_EQ(running.stats().batches_ahead, 0u);
}

// A trigger may look at rows of the batch before. Fails when triggers are not looked for, also
// those of one partition, and of a table that a deletion is passed on to.
TEST_P(TargetLanes, TablesWithTriggersAreWrittenOneByOne) {
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz) "
      "PARTITION BY RANGE (id);"
      "CREATE TABLE low PARTITION OF items FOR VALUES FROM (MINVALUE) TO (5);"
      "CREATE TABLE high PARTITION OF items FOR VALUES FROM (5) TO (MAXVALUE);"
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
      "CREATE TRIGGER nothing BEFORE INSERT ON low FOR EACH ROW EXECUTE FUNCTION nothing()");
  {
    test::RunningStage running = Start();
    Settle(running);
    LogShuffled(11, 20'000, "new", 2);
    running.WaitUntilCaughtUp();
    EXPECT_EQ(running.stats().batches_ahead, 0u);
  }
  target_.Execute(
      "DROP TRIGGER nothing ON low;"
      "CREATE TABLE lines (item bigint REFERENCES items ON DELETE CASCADE);"
      "CREATE TRIGGER nothing AFTER DELETE ON lines EXECUTE FUNCTION nothing()");
  {
    test::RunningStage running = Start();
    LogShuffled(1, 20'000, "again", 3);
    running.WaitUntilCaughtUp();
    EXPECT_EQ(running.stats().batches_ahead, 0u);
  }
  target_.Execute("DROP TRIGGER nothing ON lines");
  test::RunningStage running = Start();
  Settle(running);
  LogShuffled(1, 20'000, "changed", 4);
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Count("changed"), "20000");
  EXPECT_GT(running.stats().batches_ahead, 0u);
}

// Fails when what is refused ahead of its turn is parked.
TEST_P(TargetLanes, ChildrenWaitForTheirParents) {
  const auto parents = test::MakeSchema(
      "public.parents",
      {{"id", Type::kInt, "bigint"}, {"updated_at", Type::kTimestampTz, "timestamptz"}});
  const auto children =
      test::MakeSchema("public.children", {{"id", Type::kInt, "bigint"},
                                           {"parent", Type::kInt, "bigint"},
                                           {"updated_at", Type::kTimestampTz, "timestamptz"}});
  target_.Execute(
      "CREATE TABLE parents (id bigint PRIMARY KEY, updated_at timestamptz);"
      "CREATE TABLE children (id bigint PRIMARY KEY, parent bigint REFERENCES parents, "
      "updated_at timestamptz);"
      // Parents take their time, in which their children are refused.
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';"
      "CREATE TRIGGER slow AFTER INSERT ON parents EXECUTE FUNCTION slow()");
  const std::vector<TableMapping> tables = {
      {.source = {"public", "parents"}, .target = target_.Table("parents")},
      {.source = {"public", "children"}, .target = target_.Table("children")}};
  const auto log = [&](int from) {
    log_.Cut(
        [&](CutWriter& writer) {
          for (int id = from + kFrameRows; id > from; --id) {
            writer.Add(parents, test::MakeRow({ValueView::Int(id), test::Stamp(1)}));
          }
          writer.Flush();
          for (int id = from + kFrameRows; id > from; --id) {
            const int parent = id % 1'000 == 0 ? id : id - from;
            writer.Add(children,
                       test::MakeRow({ValueView::Int(id), ValueView::Int(parent), test::Stamp(1)}));
          }
        },
        kFrameBytes);
  };
  log(0);
  log(kFrameRows);  // these children find their table settled, but not all parents
  ApplyOptions options = SmallBatches();
  options.once = true;
  options.quarantine_limit = 100'000;
  Apply(tables, options);
  EXPECT_EQ(target_.Value("SELECT count(*) FROM children"), std::to_string(2 * kFrameRows));
  EXPECT_EQ(Parked(), "0");
}

// What is parked is known to both sessions. Fails when neither is true: that no batch goes ahead
// after one that has parked something, and that the second session does not believe what it knew
// before.
TEST_P(TargetLanes, NoBatchOvertakesAParkedChange) {
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text CHECK (name <> 'bad'), "
      "updated_at timestamptz)");
  const auto log = [&](int from, int to, const std::string& name, int64_t stamp,
                       const std::string& of_first) {
    log_.Cut(
        [&](CutWriter& writer) {
          for (int id = to; id > from; --id) {
            writer.Add(test::ItemsSchema(), test::Item(id, name, stamp));
          }
          if (of_first.empty()) return;
          writer.Add(test::ItemsSchema(), test::Item(1, of_first, stamp));
        },
        kFrameBytes);
  };
  log(0, kFrameRows, "a", 1, "");
  log(kFrameRows, 2 * kFrameRows, "a", 1, "");
  log(2 * kFrameRows, 3 * kFrameRows, "a", 1, "");     // in the second session
  log(2 * kFrameRows, 3 * kFrameRows, "b", 2, "bad");  // the same keys: alone
  log(kFrameRows, 2 * kFrameRows + 1, "d", 3, "");     // and again
  log(0, kFrameRows, "c", 3, "");                      // not beside it
  ApplyOptions options = SmallBatches();
  options.once = true;
  options.quarantine_limit = 10;
  Apply({ItemsMapping()}, options);
  EXPECT_EQ(target_.Value("SELECT name FROM items WHERE id = 1"), "a");
  EXPECT_EQ(Parked(), "2");
  EXPECT_EQ(Count("c"), std::to_string(kFrameRows - 1));
}

// A schema that comes back is news. Fails when it is settled because it was so once: then nobody
// sees that the source has lost a column.
TEST_P(TargetLanes, NoBatchGoesAheadUnderASchemaThatComesBack) {
  for (const bool is_wide : {false, false, true, true, true, false, false}) LogSchema(is_wide);
  ExpectThatAColumnIsGone(/*before=*/5);
}

// The same while the only batch under the other schema is still being written: what is settled says
// nothing of that one yet. The column is there, so that nobody waits for it to be added. Seen to
// fail when the batch under way is not asked whether its schemas were no news.
TEST_P(TargetLanes, NoBatchGoesAheadOfOneThatBringsAnotherSchema) {
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, extra bigint, updated_at "
      "timestamptz)");
  for (const bool is_wide : {false, false, false, true, false, false}) LogSchema(is_wide);
  ExpectThatAColumnIsGone(/*before=*/4);
}

// The first batch waits for a user, who waits for a row of the second one, which waits for its
// turn: no server sees a deadlock in that. Hangs until the lock timeout, and is told so, when the
// second batch does not look whether the first one waits.
TEST_P(TargetLanes, ABatchThatIsInTheWayGivesUp) {
  test::RunningStage running = Start();
  Settle(running);
  LogShuffled(11, 2 * kFrameRows, "new", 2);
  running.WaitUntilCaughtUp();
  const auto local = test::OpenAsUser(target_.url());
  local->Execute("BEGIN; SET LOCAL lock_timeout = '1min'");
  local->Execute("UPDATE items SET name = 'local' WHERE id = 1");
  LogAtOnce([&] {
    log_.Cut(
        [&](CutWriter& writer) {
          for (int id = kFrameRows; id >= 1; --id) {
            writer.Add(test::ItemsSchema(), test::Item(id, "changed", 3));
          }
          writer.Flush();
          for (int id = 2 * kFrameRows; id > kFrameRows; --id) {
            writer.Add(test::ItemsSchema(), test::Item(id, "changed", 3));
          }
        },
        kFrameBytes);
  });
  WaitUntilSessionsWait(1);
  // That and `local` are idle. It is so for a tenth of a second at least; if it is missed, so be
  // it.
  const Microseconds began = system_clock_.Monotonic();
  test::WaitUntil("the second batch to be written", [&] {
    return target_.Value(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'syncline' AND "
               "state = 'idle in transaction' AND datname = current_database() AND pid NOT IN "
               "(SELECT pid FROM pg_locks WHERE NOT granted)") == "2" ||
           system_clock_.Monotonic() - began > std::chrono::seconds(5);
  });
  local->Execute(
      test::AnySql("UPDATE items SET name = 'local' WHERE id = " + std::to_string(2 * kFrameRows)));
  local->Execute("COMMIT");
  running.WaitUntilCaughtUp();
  EXPECT_EQ(Count("changed"), std::to_string(2 * kFrameRows));
  EXPECT_FALSE(running.HasTold("lock timeout"));
}

// Where the server has no second connection to give, one has to do. Fails when that ends the stage.
TEST_P(TargetLanes, OneConnectionIsEnough) {
  target_.Execute(
      "CREATE ROLE single LOGIN CONNECTION LIMIT 1; GRANT ALL ON SCHEMA public TO single");
  sql::DatabaseUrl url = target_.url();
  const std::string user = "user=postgres";
  const size_t at = url.connection.find(user);
  ASSERT_NE(at, std::string::npos) << url.connection;
  url.connection.replace(at, user.size(), "user=single");
  {
    test::RunningStage running = Start(url);
    LogItems(10, "first", 1);
    running.WaitUntilCaughtUp();
    LogShuffled(11, 20'000, "new", 2);
    running.WaitUntilCaughtUp();
    EXPECT_EQ(Count("new"), "19990");
    EXPECT_EQ(running.stats().batches_ahead, 0u);
    EXPECT_FALSE(running.HasTold("interrupted"));
  }
  target_.Execute("DROP OWNED BY single; DROP ROLE single");
}

// Nothing lost, nothing in conflict (invariants 4 and 5). Fails when a batch is committed although
// the one before it was not.
TEST_P(TargetLanes, SessionsMayEndAtAnyMoment) {
  test::RunningStage running = Start();
  Settle(running);
  std::atomic<bool> over = false;
  std::atomic<int> ended = 0;
  std::future<void> ending = std::async(std::launch::async, [&] {
    const auto session = test::OpenAsUser(target_.url());
    std::mt19937 random(2);
    while (!over) {
      const auto one = session->Query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
          "current_database() AND state <> 'idle' AND query ~ 'COPY|UPDATE|COMMIT|pg_locks' AND "
          "pid <> pg_backend_pid() ORDER BY random() LIMIT 1");
      ended += static_cast<int>(one.rows.size());
      system_clock_.Sleep(Microseconds(random() % 200'000), {});
    }
  });
  int64_t stamp = 1;
  while (ended < 10 || running.stats().batches_ahead < AheadAtLeast(10)) {
    LogShuffled(1, 20'000, "changed", ++stamp);
    running.WaitUntilCaughtUp();
  }
  over = true;
  ending.get();
  EXPECT_EQ(Count("changed"), "20000");
  EXPECT_EQ(target_.Value("SELECT count(*) FROM items"), "20000");
  EXPECT_EQ(target_.Value("SELECT count(*) FROM syncline_conflicts"), "0");
  EXPECT_EQ(target_.Value("SELECT count(DISTINCT updated_at) FROM items"), "1");
}

}  // namespace
}  // namespace syncline::apply
