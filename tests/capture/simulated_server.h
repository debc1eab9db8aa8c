#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "capture/cursor/tick_ledger.h"

namespace syncline::capture {

// As much of PostgreSQL as matters to polling: sessions whose transactions take time to begin, to
// commit, to be prepared and to disappear from the lock table, in the order in which the server
// does it. Every Step is one thing that happens in one session, so that a poller can be interrupted
// between any two of its reads.
class SimulatedServer {
 public:
  static constexpr int kKeys = 12;

  struct RowState {
    int64_t value = 0;  // never the same twice
    int64_t stamp = 0;  // the clock when the transaction began
    int64_t count = 0;  // drawn from a sequence when it was written
    uint64_t xid = 0;
  };

  explicit SimulatedServer(uint64_t seed);

  void Step();
  void Steps(int most);

  // What a poller can ask.
  int64_t Clock() const { return clock_; }
  int64_t started() const { return started_; }
  // One session's virtual transaction, since the lock table is not read in one instant.
  std::optional<TransactionName> Virtual(size_t session) const;
  size_t sessions() const { return sessions_.size(); }
  std::set<TransactionName> Prepared() const;
  std::map<TransactionName, uint32_t> Xids() const;
  Snapshot TakeSnapshot() const;
  std::optional<RowState> Read(int key, const Snapshot& snapshot) const;

  // Every session is lost; prepared transactions stay. With a new start time, or (a backend
  // crashed) without.
  void Crash(bool new_start_time);
  void SetClockBack(int64_t by) { clock_ -= by; }

 private:
  enum class Phase { kIdle, kRunning, kEnded, kVirtualGone, kListed, kPrepared };

  struct Session {
    Phase phase = Phase::kIdle;
    uint32_t local_id = 0;
    int64_t began = 0;
    uint64_t xid = 0;
    std::set<int> locked;
  };
  struct PreparedTransaction {
    uint64_t xid = 0;
    bool busy = true;    // the session that prepares it is not done yet: nobody can end it
    bool ended = false;  // visible, or aborted, but still listed
    std::set<int> locked;
  };

  int Random(int below) { return static_cast<int>(random_() % below); }
  void Run(Session& session);
  void Write(Session& session);
  void StepPrepared();
  void LetGo(uint64_t xid);
  void End(uint64_t xid, bool commit);
  bool IsLocked(int key) const;

  std::minstd_rand random_;
  int64_t clock_ = 1'000'000;
  int64_t started_ = 1;
  uint64_t next_xid_ = (uint64_t{1} << 32) - 40;  // soon wraps around in its 32-bit form
  int64_t sequence_ = 0;
  int64_t values_ = 0;
  std::vector<Session> sessions_ = std::vector<Session>(6);
  std::vector<PreparedTransaction> prepared_;
  std::set<uint64_t> in_progress_;
  std::set<uint64_t> aborted_;
  std::map<int, std::vector<RowState>> rows_;  // by key, in the order of writing
};

}  // namespace syncline::capture
