#pragma once

#include <optional>
#include <string>
#include <vector>

#include "capture/horizon.h"

namespace syncline::capture {

// How far back a poll of a database with one writer at a time has to reach: SQLite takes the write
// lock before it fixes the time, so rows become visible in the order of their stamps, and the
// highest cursor value seen is where the next poll begins (equal stamps included; the log drops
// what it holds). Stamps that a program made itself, before it had the lock, may be older: where
// the value is a time in ISO form, the margin is taken off. A row stamped in the future does not
// count as seen, and when the clock was set back the next poll reads everything.
class OrderedCommits : public Horizon {
 public:
  OrderedCommits(sql::Session& session, Microseconds margin) : session_(session), margin_(margin) {}

  void Anchor(const std::vector<TablePlan>& tables, CaptureCursor& cursor) override;
  // Nothing to do: a table cannot change while a transaction reads it.
  void Hold(sql::Session&, const TablePlan&) const override {}
  bool Changed() override;
  void Look() override { ReadClock(); }
  int64_t clock_us() const override { return clock_us_; }
  void Enter(const std::vector<TablePlan>& tables, CaptureCursor& cursor) override;
  sql::Sql Condition(const TablePlan& table, const CaptureCursor& cursor) const override;
  // Not a time that has not come yet: it would hide everything that is written before it comes.
  bool Trusts(const Value& cursor_value) const override;

 private:
  void ReadClock();

  sql::Session& session_;
  const Microseconds margin_;
  int64_t clock_us_ = 0;   // when we looked, microseconds since 2000-01-01 UTC
  std::string looked_at_;  // PRAGMA data_version, before the snapshot of the poll at hand
  std::optional<std::string> polled_at_;  // the same for the last poll that was begun
};

// `seen` with `margin` taken off where it is a date and time in ISO form, to the second and in its
// own form, so that it compares as text with its neighbours; any other value as it is. Pure.
Value TakeOff(const Value& seen, Microseconds margin);

// Whether `value` is a time, or a text that is one in ISO form (without a zone: UTC), after that
// moment, in microseconds since 2000-01-01 UTC. Pure.
bool IsLaterThan(const Value& value, int64_t clock_us);

}  // namespace syncline::capture
