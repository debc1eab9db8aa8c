#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace syncline::capture {

// A transaction as PostgreSQL's lock table names it while it runs: "3/145", its virtual id, or
// "p731", the xid of a prepared one. Virtual ids are unique until the server restarts.
using TransactionName = std::string;

inline bool IsPrepared(const TransactionName& name) { return name.starts_with('p'); }

// What PostgreSQL prints for a snapshot: xmin:xmax:xip,xip,... with 64-bit transaction ids.
struct Snapshot {
  uint64_t xmin = 0;
  uint64_t xmax = 0;
  std::set<uint64_t> running;

  // Throws DamageError for anything else.
  static Snapshot Parse(const std::string& text);
  // Whether the top-level transaction with that 32-bit xid had ended when the snapshot was taken.
  // The xid's epoch is taken from the snapshot: it must be less than 2^31 away.
  bool Sees(uint32_t xid) const;
};

// What one poll saw of the server. The members stand in the order in which they have to be read:
// the proof in README.md hangs on it.
struct ServerView {
  int64_t started_us = 0;            // when the server was started, by its own clock
  int64_t recovered_us = 0;          // when it last lost its statistics, as it does by a crash
  uint32_t timeline = 0;             // of its WAL; 0: not known (a standby)
  bool same_session = false;         // nothing can have restarted since the view before
  int64_t clock_us = 0;              // the server's clock, microseconds since 2000-01-01 UTC
  std::set<TransactionName> before;  // running: the virtual ones, then the prepared ones
  Snapshot snapshot;                 // the one that the tables are read in
  std::map<TransactionName, uint32_t> xids;  // top-level xids of virtual transactions
  std::set<TransactionName> after;           // running, read again: virtual, then prepared
};

// What is kept of one poll for as long as a transaction refers to it.
struct Tick {
  int64_t clock_us = 0;
  // By table: the highest integer cursor that was visible before the tick.
  std::map<std::string, int64_t> marks;
  bool operator==(const Tick&) const = default;
};

// The memory that makes polling exact: for every transaction that was running at the last poll, the
// tick after which it must have begun. Whatever a poll's snapshot shows that the snapshot before
// did not show was written either by a transaction that was running at the last tick and has ended
// since, or by one that began after the last tick; so it is enough to reach back to the earliest
// tick among those (invariant 3). Ticks are numbered from 1, and a later one never bounds lower
// than an earlier one; tick 0 is the beginning of time. Plain value type, decides only, reads
// nothing.
struct TickLedger {
  uint64_t last = 0;  // 0: no tick yet
  int64_t server_started_us = 0;
  int64_t recovered_us = 0;        // ServerView::recovered_us
  uint32_t timeline = 0;           // 0: not known
  uint64_t snapshot_xmin = 0;      // of the last tick's snapshot: what ended before it was visible
  std::map<uint64_t, Tick> ticks;  // the last one and those that `running` refers to
  std::map<TransactionName, uint64_t> running;  // began after that tick; 0: nobody knows

  // Adds the tick of `view`, with `marks`. Returns the tick to reach back to: everything that
  // `view.snapshot` shows and the snapshot of the tick before did not was stamped after it.
  uint64_t Advance(const ServerView& view, std::map<std::string, int64_t> marks);

  bool operator==(const TickLedger&) const = default;
};

}  // namespace syncline::capture
