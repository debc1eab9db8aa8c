#pragma once

#include <set>
#include <string>
#include <vector>

#include "capture/horizon/horizon.h"

namespace syncline::capture {

// How far back a poll of PostgreSQL has to reach: looks at the running transactions, which any role
// may, and lets TickLedger decide. Threads: as Horizon says.
class TransactionTicks : public Horizon {
 public:
  TransactionTicks(sql::Session& session, const std::vector<CapturePlan>& tables,
                   Microseconds margin);

  void Anchor(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) override;
  void Hold(sql::Session& session, const CapturePlan& table) const override;
  bool Holds(const CapturePlan& table) const override {
    return facts_.lockable.contains(table.schema->table);
  }
  // By the snapshot itself, which is the same as long as no transaction that wrote has ended. On a
  // standby, and with views, foreign tables and foreign partitions, always true.
  bool Changed() override;
  void Look() override;
  int64_t clock_us() const override { return clock_us_; }
  void Enter(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) override;
  sql::Sql Condition(const CapturePlan& table, const CaptureCursor& cursor) const override;
  // Of moments.
  bool MayBeNew(const CapturePlan& table, const CaptureCursor& cursor,
                const Value& cursor_value) const override;

 private:
  // What one query says about each table. Asked before any snapshot: the query would take it, and
  // the locks would come too late.
  struct Facts {
    std::set<TableName> lockable;
    std::set<TableName> trimmed;   // where a row's xmin says when it became visible
    std::set<TableName> has_xmin;  // where a row that was written has the xmin of who wrote it
    bool all_local = true;         // no table gets rows without a transaction of this server's
  };

  sql::Sql WrittenSince(std::optional<uint64_t> xmin) const;
  void LookUpFacts(const std::vector<CapturePlan>& tables);
  // Does nothing for tables that cannot be locked.
  void Lock(sql::Session& session, const std::vector<TableName>& tables) const;
  std::set<TransactionName> ReadRunning();
  std::map<TransactionName, uint32_t> ReadXids();
  void Advance(const std::vector<CapturePlan>& tables, CaptureCursor& cursor);

  sql::Session& session_;
  const Microseconds margin_;
  sql::Sql clock_sql_;     // asks for the first members of ServerView
  std::string zone_;       // of the stamps without one
  bool prepares_ = false;  // the server allows prepared transactions
  Facts facts_;            // constant after construction
  ServerView view_;        // of the poll at hand
  int64_t clock_us_ = 0;
  std::string seen_snapshot_;  // of the last tick, if over this session
  bool same_session_ = false;  // a tick was taken over this session
  std::optional<uint64_t>
      seen_xmin_;  // xmin of the snapshot of the tick before, if over this session
  std::optional<uint64_t> trim_xmin_;  // the same, as it was when the poll at hand entered
  std::optional<Tick> reach_;          // nothing: back to the beginning
  std::optional<uint64_t> xid_reach_;  // the same for tables polled by xid8 or xmin
};

// SQL for the timeline of the server's WAL, in hexadecimal digits; NULL on a standby. Empty where
// this role may not know it, as on some managed servers: a failover is then told by the other
// server's start and by its statistics, which began at another moment. Not in a transaction.
sql::Sql TimelineSql(sql::Session& session);

// SQL for the earliest local time that a clock in `zone` can show at `moment` or later (both SQL
// expressions): where clocks are set back within the next hours, local times come a second time.
// Pure.
sql::Sql LocalTimeSql(const sql::Sql& moment, const sql::Sql& zone);

}  // namespace syncline::capture
