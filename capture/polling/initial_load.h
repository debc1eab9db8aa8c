#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "capture/cursor/capture_cursor.h"
#include "capture/horizon/horizon.h"
#include "capture/plan/capture_plan.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/catalog_watch.h"
#include "capture/polling/row_feed.h"
#include "capture/polling/row_queue.h"
#include "engine/base/logger.h"

namespace syncline::capture {

// Brings tables that are new to the log into it. Threads with a session of their own read one table
// each, range after range in key order; the rows meet in a queue, and a range becomes durable
// together with the key it ends at, so that a load goes on where it was when the process died. No
// snapshot outlives its range. What changes meanwhile is caught by the first poll, which reaches
// back to the moment of Horizon::Anchor; until then the cut stays open.
//
// Belongs to one thread, the log's; borrows everything. Its threads end with it.
class InitialLoad {
 public:
  struct Parts {
    sql::Session& session;
    std::function<std::unique_ptr<sql::Session>()> open;  // another one; called on any thread
    RowFeed& feed;
    Horizon& horizon;
    const CatalogWatch& catalog;
    CaptureCursor& cursor;
    const std::vector<CapturePlan>& tables;
    CaptureStats& stats;
    Clock& clock;
    Logger& logger;
  };

  InitialLoad(Parts parts, const LoadOptions& options);
  ~InitialLoad();
  InitialLoad(const InitialLoad&) = delete;
  InitialLoad& operator=(const InitialLoad&) = delete;

  // How many tables are not loaded yet.
  uint64_t pending() const { return pending_; }
  // Counts them: the cursor's tables are as they are going to be.
  void Count();
  // Waits for the end of a range, whichever is the next, and makes it durable; where it ends its
  // table, together with the tables that end right after it. When stopped, it leaves what it has of
  // a range to the next load.
  void TakeRange(const std::stop_token& stop);

 private:
  void Begin();
  // Into the log and the cursor, which is the log's with the next checkpoint.
  void Take(RowQueue::Piece piece, RowFeed::Batch& batch);
  void Announce(const CapturePlan& table);
  // Warns of the rows that are never read.
  void TellNullCursors(const CapturePlan& table);
  void ReadTables(const std::stop_token& stop);

  Parts parts_;
  const LoadOptions options_;
  CursorWriter cursor_text_;
  uint64_t pending_ = 0;
  RowQueue queue_;
  std::mutex mutex_;
  struct Waiting {
    size_t table;
    std::optional<Row> after;
  };
  std::deque<Waiting> waiting_;  // tables that nobody reads yet; guarded by mutex_
  std::vector<std::jthread> readers_;
};

}  // namespace syncline::capture
