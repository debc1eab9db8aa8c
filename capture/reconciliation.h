#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/capture_cursor.h"
#include "capture/capture_stage.h"
#include "capture/row_feed.h"
#include "capture/table_plan.h"
#include "engine/log/change_log.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Finds deletions with nothing on the source that tells of them: goes through the rows that the log
// holds, range after range in the order of its index, and asks the source whether they are there,
// in a poll's snapshot. A range that is as the log has it costs PostgreSQL one scan of the key's
// index and the network one line, where the key's types allow it (KeyIsHashed); of one that is not,
// parts are looked at in the same way, and then each key is asked for. What else differs is read
// and logged, and warned of: polls should have seen it.
//
// A round goes over many polls, at the configured rate; how far it is stands in the cursor. Belongs
// to one thread; borrows everything.
class Reconciliation {
 public:
  struct Parts {
    sql::Session& session;
    ChangeLog& log;
    CaptureCursor& cursor;
    spdlog::logger& logger;
  };

  Reconciliation(Parts parts, const CaptureOptions& options) : parts_(parts), options_(options) {}

  // Whether there is something to do for the table at that moment, by the source's clock.
  bool IsDue(const TablePlan& table, int64_t clock_us) const;
  // What the rate allows for one poll, or, with `once`, all of it, from the first key on. Within
  // the poll's snapshot, whose rows `batch` has been given before.
  void Go(const TablePlan& table, int64_t clock_us, RowFeed::Batch& batch);

 private:
  struct Range {
    std::optional<Row> after;  // none: from the first key
    std::span<const LoggedKey> keys;
    bool is_last = false;  // all keys behind them belong to it, too
  };
  struct Counts {
    uint64_t rows = 0, deleted = 0, logged = 0;
  };

  void GoThrough(const TablePlan& table, const Range& range, int64_t clock_us,
                 RowFeed::Batch& batch, Counts& counts);
  // In parts.
  void GoThroughParts(const TablePlan& table, const Range& range, int64_t clock_us,
                      RowFeed::Batch& batch, Counts& counts);
  // Returns how many of the keys are there; `differing`: those with another version.
  uint64_t Probe(const TablePlan& table, const Range& range, int64_t clock_us,
                 RowFeed::Batch& batch, std::vector<const Row*>& differing);
  uint64_t RowsPerPoll(const TablePlan& table) const;

  Parts parts_;
  const CaptureOptions options_;
  std::map<TableName, Counts> rounds_;  // those that are under way, since this session
};

// Whether ranges of the table's keys can be summed up by the server: its keys are in the order of
// the log's index there, and their texts are known.
bool KeyIsHashed(const TablePlan& table);
// The same sums for rows that the log holds: "count|sum|sum", as the server's three columns.
std::string SumUp(std::span<const LoggedKey> keys);
// SQL for them.
std::string SumUpSql(const TablePlan& table, const std::string& condition);

}  // namespace syncline::capture
