#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "capture/horizon/horizon.h"

namespace syncline::capture {

// How far back a poll of a database with one writer at a time has to reach: SQLite takes the write
// lock before it fixes the time, so rows become visible in the order of their stamps, and the
// highest stamp seen is where the next poll begins (equal stamps included; the log drops what it
// holds). Stamps that a program made itself, before it had the lock, may be older: of moments the
// margin is taken off. A row stamped in the future does not count as seen, and when the clock was
// set back the next poll reads everything.
//
// SQLite keeps stamps in the order of what is stored. Where all have one form (StampForms) that is
// the order of moments, and a poll is a range of the index. Where they have several, it reads what
// is stored from 16 hours before the bound's day on, for so far may an offset move a text, and the
// numbers of each unit from the bound on; where any other form was met, it looks at every stamp.
// Whether a column still has one form is looked at beside the polls, in the same snapshot, in at
// most a fiftieth of the time, and first thing in a session. What is no moment in a column of
// moments (StampForms::Refuses) is read when it is met so, and stands for no form. Threads: as
// Horizon says.
class OrderedCommits : public Horizon {
 public:
  OrderedCommits(sql::Session& session, Microseconds margin) : session_(session), margin_(margin) {}

  void Anchor(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) override;
  // Nothing to do: a table cannot change while a transaction reads it.
  void Hold(sql::Session&, const CapturePlan&) const override {}
  bool Changed() override;
  void Look() override { ReadClock(); }
  int64_t clock_us() const override { return clock_us_; }
  void Enter(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) override;
  sql::Sql Condition(const CapturePlan& table, const CaptureCursor& cursor) const override;
  bool MayBeNew(const CapturePlan& table, const CaptureCursor& cursor,
                const Value& cursor_value) const override;
  // Not a time that has not come yet: it would hide everything that is written before it comes. Nor
  // what is no time, in a column of times.
  bool Trusts(const CaptureCursor::Table& state, const Value& cursor_value) const override;

 private:
  // When a table was last looked at for another form.
  struct FormLook {
    std::chrono::steady_clock::time_point ended;
    std::chrono::steady_clock::duration took{0};
    int64_t bound_us = 0;  // where the poll of that time began
    bool owed = false;     // a poll has gone without since
    bool IsDue() const;
  };

  void ReadClock();
  std::optional<int64_t> BoundOf(const CaptureCursor::Table& state) const;
  Value RangeStart(const CaptureCursor::Table& state) const;
  sql::Sql PassedOver(const CapturePlan& table, const CaptureCursor::Table& state,
                      std::optional<int64_t> from) const;
  void SampleForms(const CapturePlan& table, CaptureCursor::Table& state);
  void LearnForms(const CapturePlan& table, CaptureCursor::Table& state);
  void LookForAnotherForm(const CapturePlan& table, CaptureCursor::Table& state);

  sql::Session& session_;
  const Microseconds margin_;
  int64_t clock_us_ = 0;   // when we looked, microseconds since 2000-01-01 UTC
  std::string looked_at_;  // PRAGMA data_version, before the snapshot of the poll at hand
  std::optional<std::string> polled_at_;  // the same for the last poll that was begun
  std::map<TableName, FormLook> looks_;
  std::map<TableName, sql::Sql> strays_;  // what the poll at hand reads besides
};

// Where a poll begins that reads a range: `seen` with the margin taken off in its own form, where
// it is a moment; any other value as it is. Pure.
Value TakeOff(const Value& seen, Microseconds margin);

// Where texts and numbers that are no moments stand before those that are, as they are stored:
// small numbers, and texts that do not begin like a year. Pure.
sql::Sql StraysBefore(const sql::Sql& cursor);

// What is stored in SQLite from where a moment at or above `bound_us` may stand, in any form but a
// text with digits only from the year 2033 on, or a year after 9999. Pure.
sql::Sql WindowFrom(const sql::Sql& cursor, int64_t bound_us, Dialect dialect);

}  // namespace syncline::capture
