#include "capture/cursor/tick_ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include "engine/base/error.h"
#include "tests/capture/simulated_server.h"

namespace syncline::capture {
namespace {

// How a poller goes about it; anything but kTicks is a mistake that the simulation has to find.
enum class Way {
  kTicks,
  kCursorAboveLastSeen,
  kPreparedFirst,        // asks for the prepared transactions before the virtual ones
  kAfterBeforeSnapshot,  // reads the running transactions again, but too early
  kXidsLast,             // asks for the xids after the virtual ids
  kNoXids,               // a transaction is running for as long as it is in the lock table
  kSameSessionAlways,    // trusts virtual ids over a reconnection
  kMarkAfterRows,        // marks a tick with values that were read after it
};

// Polls a simulated server and compares its log with every snapshot that it polled in.
class Poller {
 public:
  Poller(SimulatedServer& server, Way way, uint64_t seed)
      : server_(server), way_(way), random_(seed + 77) {}

  // The moment before the load, then a load of every key in a snapshot of its own.
  void Load() {
    Tick();
    for (int key = 0; key < SimulatedServer::kKeys; ++key) {
      server_.Steps(3);
      const auto row = server_.Read(key, server_.TakeSnapshot());
      if (row) Log(key, *row);
    }
  }

  void Poll() {
    const uint64_t trim = same_session_ ? view_.snapshot.xmin : 0;
    const std::map<uint64_t, struct Tick> ticks = ledger_.ticks;
    const uint64_t reach = Tick();
    // The row states are read in the snapshot, whatever happens meanwhile.
    for (int key = 0; key < SimulatedServer::kKeys; ++key) {
      const auto row = server_.Read(key, view_.snapshot);
      if (!row) continue;
      const bool by_time = reach == 0 || row->stamp >= ticks.at(reach).clock_us;
      const bool by_count = reach == 0 || !ticks.at(reach).marks.contains("counts") ||
                            row->count >= ticks.at(reach).marks.at("counts");
      const bool naive = row->stamp > last_stamp_;
      if (way_ == Way::kCursorAboveLastSeen) {
        if (naive) Log(key, *row);
      } else if (row->xid >= trim) {
        if (by_time) times_[key] = row->value;
        if (by_count) counts_[key] = row->value;
        highest_ = std::max(highest_, row->count);
      }
    }
    if (way_ == Way::kMarkAfterRows && highest_ > 0) {
      ledger_.ticks[ledger_.last].marks["counts"] = highest_;
    }
    if (way_ == Way::kCursorAboveLastSeen) {
      for (int key = 0; key < SimulatedServer::kKeys; ++key) {
        const auto row = server_.Read(key, view_.snapshot);
        if (row) last_stamp_ = std::max(last_stamp_, row->stamp);
      }
    }
    for (int key = 0; key < SimulatedServer::kKeys; ++key) {
      const auto row = server_.Read(key, view_.snapshot);
      if (!row) continue;
      wrong_ += times_[key] != row->value;
      wrong_ += counts_[key] != row->value;
    }
    stored_ = ledger_;
    stored_highest_ = highest_;
  }

  // The connection is lost, perhaps in the middle of a poll: what the log stored counts.
  void Reconnect() {
    if (random_() % 2 == 0) Tick();
    ledger_ = stored_;
    highest_ = stored_highest_;
    same_session_ = way_ == Way::kSameSessionAlways;
  }
  void StoreLoad() { stored_ = ledger_; }

  int wrong() const { return wrong_; }

 private:
  std::set<TransactionName> Running() {
    std::set<TransactionName> running;
    auto read_prepared = [&] { running.merge(server_.Prepared()); };
    if (way_ == Way::kPreparedFirst) read_prepared();
    server_.Steps(3);
    for (size_t i = 0; i < server_.sessions(); ++i) {
      server_.Steps(1);
      if (const auto name = server_.Virtual(i)) running.insert(*name);
    }
    server_.Steps(3);
    if (way_ != Way::kPreparedFirst) read_prepared();
    return running;
  }

  uint64_t Tick() {
    const int64_t mark = highest_;
    view_ = ServerView();
    view_.started_us = server_.started();
    view_.clock_us = server_.Clock();
    view_.same_session = same_session_;
    view_.before = Running();
    if (way_ == Way::kAfterBeforeSnapshot) view_.after = Running();
    // Long enough, at times, for whole transactions to begin and commit in between.
    server_.Steps(random_() % 4 == 0 ? 40 : 4);
    view_.snapshot = server_.TakeSnapshot();
    server_.Steps(4);
    if (way_ != Way::kXidsLast) view_.xids = server_.Xids();
    server_.Steps(2);
    if (way_ != Way::kAfterBeforeSnapshot) view_.after = Running();
    if (way_ == Way::kXidsLast) view_.xids = server_.Xids();
    if (way_ == Way::kNoXids) view_.xids.clear();
    same_session_ = true;
    std::map<std::string, int64_t> marks;
    if (mark > 0) marks["counts"] = mark;
    return ledger_.Advance(view_, std::move(marks));
  }

  void Log(int key, const SimulatedServer::RowState& row) {
    times_[key] = row.value;
    counts_[key] = row.value;
  }

  SimulatedServer& server_;
  const Way way_;
  std::minstd_rand random_;
  TickLedger ledger_;
  TickLedger stored_;
  ServerView view_;
  bool same_session_ = false;
  int64_t highest_ = 0;
  int64_t stored_highest_ = 0;
  int64_t last_stamp_ = 0;
  std::map<int, int64_t> times_;   // the log of a table with a time as its cursor
  std::map<int, int64_t> counts_;  // and of one with a version from a sequence
  int wrong_ = 0;
};

// Row states that a poll's snapshot showed and the log did not hold after it.
int WrongRows(uint64_t seed, Way way) {
  SimulatedServer server(seed);
  std::minstd_rand random(seed + 1);
  server.Steps(200);
  Poller poller(server, way, seed);
  poller.Load();
  poller.StoreLoad();
  for (int i = 0; i < 60; ++i) {
    const auto pause = random() % 8;  // at times so short that nothing ends
    server.Steps(pause < 2 ? 60 : pause < 4 ? 1 : 6);
    const auto chance = random() % 40;
    if (chance <= 1) {
      poller.Reconnect();
    } else if (chance <= 3) {
      server.Crash(chance == 2);
      poller.Reconnect();
    } else if (chance == 4) {
      server.SetClockBack(50'000);
    }
    poller.Poll();
  }
  return poller.wrong();
}

// SYNCLINE_SEED=n runs that one seed.
std::vector<uint64_t> Seeds(uint64_t count) {
  if (const char* seed = std::getenv("SYNCLINE_SEED")) return {std::strtoull(seed, nullptr, 10)};
  std::vector<uint64_t> seeds(count);
  for (uint64_t i = 0; i < count; ++i) seeds[i] = i + 1;
  return seeds;
}

// Fails when the transactions that ran are forgotten, when a newly prepared one is not given the
// tick of a virtual one that ended, holds no xid or holds its own, when the clock's going back or
// the loss of the session is overlooked. MistakenPollerTest shows that it finds the mistakes of a
// poller, too.
TEST(TickLedgerTest, EveryCutHoldsWhatItsSnapshotShows) {
  for (const uint64_t seed : Seeds(2000)) {
    ASSERT_EQ(WrongRows(seed, Way::kTicks), 0) << "SYNCLINE_SEED=" << seed;
  }
}

// A view of a server on which `running` run, before and after the snapshot.
ServerView View(int64_t clock, std::set<TransactionName> running) {
  ServerView view;
  view.started_us = 1;
  view.same_session = true;
  view.clock_us = clock;
  view.before = running;
  view.after = std::move(running);
  view.snapshot = {100, 100, {}};
  return view;
}

// What is remembered longer than needed loses nothing, but makes polls read more: the simulation
// cannot see it. Fails when a transaction that the snapshot shows in full is still remembered.
TEST(TickLedgerTest, ATransactionThatTheSnapshotShowsIsForgotten) {
  TickLedger ledger;
  ledger.Advance(View(10, {"3/1"}), {});
  ServerView view = View(20, {"3/1"});
  view.xids = {{"3/1", 99}};
  EXPECT_EQ(ledger.Advance(view, {}), 0u);
  EXPECT_TRUE(ledger.running.empty());
  EXPECT_EQ(ledger.Advance(View(30, {}), {}), 2u);
}

// Fails when a virtual id from before a restart is taken for the same transaction after it.
// Its clock may be ahead of the last tick and still behind what the old server would show now.
// Fails when only a clock that went back counts.
TEST(TickLedgerTest, AfterAFailoverNothingIsKnownOfTheStampsSince) {
  TickLedger ledger;
  ServerView view = View(10, {"3/1"});
  view.timeline = 1;
  ledger.Advance(view, {});
  view = View(20, {"3/1"});
  view.timeline = 1;
  EXPECT_EQ(ledger.Advance(view, {}), 1u);
  view = View(30, {"3/1"});
  view.timeline = 2;
  EXPECT_EQ(ledger.Advance(view, {}), 0u);
  view = View(40, {});
  view.timeline = 2;
  EXPECT_EQ(ledger.Advance(view, {}), 0u);  // "3/1" may have begun at any time
  EXPECT_EQ(ledger.Advance(view, {}), 4u);
}

// Fails when ids and numbers that are handed out a second time are taken for old ones.
TEST(TickLedgerTest, AfterACrashEverythingIsReadOnce) {
  TickLedger ledger;
  ServerView view = View(10, {"3/1"});
  view.recovered_us = 5;
  ledger.Advance(view, {});
  view = View(20, {"4/1"});
  view.recovered_us = 15;
  view.same_session = false;
  EXPECT_EQ(ledger.Advance(view, {}), 0u);
  view = View(30, {});
  view.recovered_us = 15;
  EXPECT_EQ(ledger.Advance(view, {}), 1u);
}

TEST(TickLedgerTest, AVirtualIdMeansANewTransactionAfterARestart) {
  TickLedger ledger;
  ledger.Advance(View(10, {"3/1", "p200"}), {});
  ServerView view = View(20, {"3/1", "p200"});
  view.started_us = 15;
  view.same_session = false;
  EXPECT_EQ(ledger.Advance(view, {}), 0u);
  EXPECT_EQ(ledger.running, (std::map<TransactionName, uint64_t>{{"3/1", 1}, {"p200", 0}}));
}

class MistakenPollerTest : public testing::TestWithParam<std::pair<const char*, Way>> {};

TEST_P(MistakenPollerTest, IsFoundOut) {
  int wrong = 0;
  for (uint64_t seed = 1; seed <= 1000 && wrong == 0; ++seed) {
    wrong += WrongRows(seed, GetParam().second);
  }
  EXPECT_GT(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, MistakenPollerTest,
    testing::Values(std::pair("CursorAboveLastSeen", Way::kCursorAboveLastSeen),
                    std::pair("PreparedFirst", Way::kPreparedFirst),
                    std::pair("AfterBeforeSnapshot", Way::kAfterBeforeSnapshot),
                    std::pair("XidsLast", Way::kXidsLast), std::pair("NoXids", Way::kNoXids),
                    std::pair("SameSessionAlways", Way::kSameSessionAlways),
                    std::pair("MarkAfterRows", Way::kMarkAfterRows)),
    [](const auto& info) { return std::string(info.param.first); });

}  // namespace
}  // namespace syncline::capture
