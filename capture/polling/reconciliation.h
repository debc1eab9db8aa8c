#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/cursor/capture_cursor.h"
#include "capture/plan/capture_plan.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/row_feed.h"
#include "engine/base/logger.h"
#include "engine/log/key_index.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Finds deletions with nothing on the source that tells of them: goes through the rows that the log
// holds, range after range in the order of its index, and asks the source whether they are there,
// in a poll's snapshot. A range that is as the log has it costs PostgreSQL one scan of the key's
// index and the network one line, where the key's types allow it (KeyIsHashed); of one that is not,
// parts are looked at in the same way, and then each key is asked for. What else differs is read
// and logged, and warned of: polls should have seen it.
//
// A round goes over many polls, at the configured rate; how far it is stands in the cursor. What it
// finds gone is kept until its end and logged then, if it is not more than
// CapturePlan::max_deletes; where it is too much to be kept, it is counted, and logged by a second
// pass. More than that is refused: nothing is logged as deleted, and the round is made again in its
// time. Belongs to one thread; borrows everything.
class Reconciliation {
 public:
  struct Parts {
    sql::Session& session;
    KeyIndex& log;
    CaptureCursor& cursor;
    Logger& logger;
  };

  Reconciliation(Parts parts, const CaptureOptions& options) : parts_(parts), options_(options) {}

  // Whether there is something to do for the table at that moment, by the source's clock: what is
  // configured, or what the table owes (CaptureCursor).
  bool IsDue(const CapturePlan& table, int64_t clock_us) const;
  // What the rate allows for one poll, or all of it, from the first key on: with `once`, and for a
  // table that owes deletions. Within the poll's snapshot, whose rows `batch` has been given
  // before.
  void Go(const CapturePlan& table, int64_t clock_us, RowFeed::Batch& batch);
  // Of one of the tables whose last round was refused; none: of no table.
  std::optional<Error> refused() const;

 private:
  struct Range {
    std::optional<Row> after;  // none: from the first key
    std::span<const LoggedKey> keys;
    bool is_last = false;  // all keys behind them belong to it, too
  };
  // A round under way, as far as this session has got.
  struct Round {
    std::optional<Row> after;
    uint64_t rows = 0, gone = 0;  // of this pass
    std::vector<Row> held;        // the keys of those that are gone
    bool counts_only = false;     // they were too many to be held
    bool is_spread = false;       // over several polls: held keys may have come back
    uint64_t deleted = 0, logged = 0;
  };
  // What a poll does of it.
  struct Step {
    const CapturePlan& table;
    CaptureCursor::Table& state;
    Round& round;
    int64_t clock_us;
    RowFeed::Batch& batch;
  };
  struct Refused {
    int64_t at_us;
    Error error;
  };

  Round& Begin(const CapturePlan& table, int64_t clock_us, CaptureCursor::Table& state);
  void GoThrough(const Step& step, const Range& range);
  void GoThroughParts(const Step& step, const Range& range);
  // Returns how many of the keys are there; `differing`: those with another version.
  uint64_t Probe(const Step& step, const Range& range, std::vector<const Row*>& differing);
  void TakeForGone(const Step& step, const Row& key);
  void Delete(const Step& step, const Row& key);
  // What was held, save those that are there again.
  void DeleteHeld(const Step& step);
  void KeepPlace(const Step& step);
  // The last range of a pass was gone through.
  void EndPass(const Step& step);
  void Refuse(const Step& step, uint64_t allowed);
  void Tell(const Step& step) const;
  uint64_t RowsPerPoll(const CapturePlan& table, bool at_once) const;

  Parts parts_;
  const CaptureOptions options_;
  std::map<TableName, Round> rounds_;  // those that are under way, since this session
  std::map<TableName, Refused> refused_;
};

// Whether ranges of the table's keys can be summed up by the server: its keys are in the order of
// the log's index there, and their texts are known.
bool KeyIsHashed(const CapturePlan& table);
// The same sums for rows that the log holds: "count|sum|sum", as the server's three columns.
std::string SumUp(std::span<const LoggedKey> keys);
// SQL for them.
sql::Sql SumUpSql(const CapturePlan& table, const sql::Sql& condition);

}  // namespace syncline::capture
