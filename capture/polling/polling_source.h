#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include "capture/cursor/capture_cursor.h"
#include "capture/horizon/horizon.h"
#include "capture/plan/capture_plan.h"
#include "capture/plan/tombstones.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/capture_orders.h"
#include "capture/polling/capture_stats.h"
#include "capture/polling/catalog_watch.h"
#include "capture/polling/initial_load.h"
#include "capture/polling/large_rows.h"
#include "capture/polling/reconciliation.h"
#include "capture/polling/row_feed.h"
#include "engine/base/logger.h"
#include "engine/log/capture_log.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// What one session captures: ranges of the tables that are not loaded yet, then polls. Begins where
// the log's cursor says; after any exception it is to be thrown away together with its session, and
// the log knows where the next one begins.
//
// Belongs to one thread; borrows everything it is given.
class PollingSource {
 public:
  // `tables` come from PlanTables over the same session, after `catalog` was made. Throws as
  // CaptureCursor::Parse does. `open` makes another session like this one.
  PollingSource(sql::Session& session, std::function<std::unique_ptr<sql::Session>()> open,
                std::unique_ptr<CatalogWatch> catalog, std::vector<CapturePlan> tables,
                const CaptureOptions& options, CaptureLog& log, Clock& clock, CaptureStats& stats,
                Logger& logger);

  // True: a range has to be loaded before the next poll.
  bool loading() const { return load_.pending() > 0; }
  // Waits for one range and makes it durable together with the key it ends at. The cut stays open.
  void LoadRange(const std::stop_token& stop);
  enum class Outcome {
    kNothing,        // there was nothing to log
    kLogged,         // something was logged
    kTablesChanged,  // nothing was read: the tables have to be planned anew, over another session
  };
  // Reads all that is new in one snapshot and closes the cut (invariants 1 and 3); in the same
  // snapshot and cut the rows named by `again`, as CaptureOrders says.
  Outcome Poll(const std::vector<RowKeys>& again = {});

  // What keeps deletions of a table out of the log until a person has looked; none: nothing. Polls
  // go on.
  std::optional<Error> refused() const { return reconciliation_.refused(); }

  // The Error that is on its way came from the log, not from the source.
  bool log_failed() const { return feed_.log_failed(); }
  // Null: the table is not captured.
  std::shared_ptr<const TableSchema> Schema(const TableName& table) const;

 private:
  void AdoptTables();
  void AdoptMark(const CapturePlan& table, bool is_new, CaptureCursor::Table& state);
  void AdoptTombstones(const CapturePlan& table,
                       std::map<TableName, CaptureCursor::Table>& adopted);
  bool OwingIsNews();
  void OweDeletions(const CapturePlan& table, CaptureCursor::Table& state, std::string_view why);
  bool Reconciles(int64_t clock_us) const;
  std::function<void(const Row&)> Watching(const CapturePlan& table);
  void ReadTable(RowFeed::Batch& batch, const CapturePlan& table);
  void ReadNewParts(RowFeed::Batch& batch);
  void ReadTombstones(RowFeed::Batch& batch, const CapturePlan& table,
                      const TombstoneExtent& extent);
  void ReadSetAside(RowFeed::Batch& batch);
  int64_t AcceptStamp(const TableSchema& table, int64_t stamp);
  void NoteOwn(const TableSchema& table, const Value& version);
  void ReadAgain(const RowKeys& rows, RowFeed::Batch& batch);

  sql::Session& session_;
  const std::optional<NodeOptions> node_;
  CaptureLog& log_;
  CaptureStats& stats_;
  Logger& logger_;
  const std::unique_ptr<CatalogWatch> catalog_;
  const std::vector<CapturePlan> tables_;
  const std::vector<CapturePlan> polled_;  // these and their tombstones
  const TombstoneWatch watch_;
  const std::unique_ptr<Horizon> horizon_;
  CaptureCursor cursor_;
  CursorWriter cursor_text_;
  // Partitions and children, by their oids, whose rows have yet to be read.
  std::map<TableName, std::vector<uint64_t>> new_parts_;
  bool guarantees_are_news_ = false;  // the log's cursor tells of others
  bool has_read_unreadable_ = false;  // in this session, rows without a moved cursor
  // Why nothing is read; not told before others have looked, who may know a better reason.
  std::optional<Error> replaced_node_;
  CutWriter::Users users_;          // where node_ is set
  std::set<TableName> owing_told_;  // tables that owe deletions, as the log tells
  std::set<TableName> told_ahead_;  // of stamps ahead of the clock, in this poll
  LargeRows large_;
  RowFeed feed_;
  InitialLoad load_;
  Reconciliation reconciliation_;
};

}  // namespace syncline::capture
