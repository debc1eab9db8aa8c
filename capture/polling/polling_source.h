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
#include "capture/polling/source.h"
#include "engine/base/logger.h"
#include "engine/log/capture_log.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// What one session captures: ranges of the tables that are not loaded yet, then polls, each of one
// snapshot. Calls, threads and errors: Source.
class PollingSource : public Source {
 public:
  // `tables` come from PlanTables over the same session, after `catalog` was made. Throws as
  // CaptureCursor::Parse does. `open` makes another session like this one. All else is borrowed.
  PollingSource(std::unique_ptr<sql::Session> session,
                std::function<std::unique_ptr<sql::Session>()> open,
                std::unique_ptr<CatalogWatch> catalog, std::vector<CapturePlan> tables,
                const CaptureOptions& options, CaptureLog& log, Clock& clock, CaptureStats& stats,
                Logger& logger);

  bool loading() const override { return load_.pending() > 0; }
  // Waits for one range.
  void LoadNext(const std::stop_token& stop) override;
  Outcome Next(const std::vector<RowKeys>& again = {}) override;
  std::shared_ptr<const TableSchema> Describe(const TableName& table) const override;
  // Of deletions of a table.
  std::optional<Error> refused() const override { return reconciliation_.refused(); }
  bool log_failed() const override { return feed_.log_failed(); }

 private:
  void AdoptTables();
  void AdoptMark(const CapturePlan& table, bool is_new, CaptureCursor::Table& state);
  void AdoptTombstones(const CapturePlan& table,
                       std::map<TableName, CaptureCursor::Table>& adopted);
  bool OwingIsNews();
  void OweDeletions(const CapturePlan& table, CaptureCursor::Table& state, std::string_view why);
  bool Reconciles(int64_t clock_us) const;
  bool IsRead(const CapturePlan& table, int64_t clock_us, const std::vector<RowKeys>& again) const;
  std::function<void(const Row&)> Watching(const CapturePlan& table);
  void ReadTable(RowFeed::Batch& batch, const CapturePlan& table);
  void ReadNewParts(RowFeed::Batch& batch);
  void ReadTombstones(RowFeed::Batch& batch, const CapturePlan& table,
                      const TombstoneExtent& extent);
  void ReadSetAside(RowFeed::Batch& batch);
  int64_t AcceptStamp(const TableSchema& table, int64_t stamp);
  void NoteOwn(const TableSchema& table, const Value& version);
  void ReadAgain(const RowKeys& rows, RowFeed::Batch& batch);

  const std::unique_ptr<sql::Session> own_session_;
  sql::Session& session_;
  const std::optional<NodeOptions> node_;
  const bool once_;
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
