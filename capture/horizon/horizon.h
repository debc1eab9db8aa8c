#pragma once

#include <string>
#include <vector>

#include "capture/cursor/capture_cursor.h"
#include "capture/plan/capture_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// How far back a poll has to read so that it misses nothing: the part of polling that differs from
// one kind of database to the next. What has to be remembered from poll to poll stands in the
// cursor, which the caller owns and stores in the log.
//
// One object serves one session and is thrown away with it, or after any exception. Order of the
// calls: Anchor before the first range of an initial load; Hold for each range, first thing inside
// its transaction; for each poll Changed and, if there is something to read, Look, both outside of
// any transaction, then Enter, first thing inside the snapshot, then Condition for each table.
// Every row state that the snapshot shows and the log may not hold satisfies its table's condition
// (invariant 3). Belongs to the session's thread, save for Hold.
class Horizon {
 public:
  virtual ~Horizon() = default;

  // Remembers this moment in `cursor`, so that the first poll after the load reaches back to it. An
  // earlier moment that is remembered already is kept: it reaches back further.
  virtual void Anchor(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) = 0;

  // Keeps the table from being rewritten until the transaction of `session` ends; the snapshot
  // comes after. From any thread.
  virtual void Hold(sql::Session& session, const CapturePlan& table) const = 0;

  // Whether Hold keeps that table from being rewritten. Where it cannot, a table that is rewritten
  // before the snapshot may look empty, so a missing row must not be taken for a deleted one.
  virtual bool Holds(const CapturePlan&) const { return true; }

  // False: a poll now would see the same rows as the last poll of this session, so none is needed.
  virtual bool Changed() = 0;
  // Reads from the source what has to be known before the snapshot is taken: its clock, and, where
  // transactions overlap, those that run.
  virtual void Look() = 0;
  // The source's clock at the last Look, or at a Changed since that said no; microseconds since
  // 2000-01-01 UTC.
  virtual int64_t clock_us() const = 0;
  // Decides how far back this poll reads, and notes it in `cursor` for the polls that follow.
  virtual void Enter(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) = 0;
  // The decision as an SQL condition on the table's rows: those that this poll reads. Empty: all.
  virtual sql::Sql Condition(const CapturePlan& table, const CaptureCursor& cursor) const = 0;
  // The same for one cursor value of a table without a condition of its own: whether such a row may
  // be visible for the first time.
  virtual bool MayBeNew(const CapturePlan& table, const CaptureCursor& cursor,
                        const Value& cursor_value) const = 0;
  // Whether a row's cursor value may become CaptureCursor::Table::seen.
  virtual bool Trusts(const CaptureCursor::Table&, const Value&) const { return true; }
};

// Remembers in `cursor` the highest cursor value of each table that counts up and is about to be
// loaded, among those that `horizon` trusts.
void RememberHighest(sql::Session& session, const std::vector<CapturePlan>& tables,
                     const Horizon& horizon, CaptureCursor& cursor);

}  // namespace syncline::capture
