#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "capture/horizon/horizon.h"
#include "capture/plan/capture_plan.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/capture_stats.h"
#include "capture/polling/catalog_watch.h"
#include "capture/polling/row_queue.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Reads a table that is to be loaded, range after range in key order, each in a short snapshot of
// its own, and hands the rows to a queue. Belongs to one thread; borrows everything.
class RangeReader {
 public:
  RangeReader(sql::Session& session, const Horizon& horizon, const CatalogWatch& catalog,
              RowQueue& queue, CaptureStats& stats, Clock& clock, const LoadOptions& options)
      : session_(session),
        horizon_(horizon),
        catalog_(catalog),
        queue_(queue),
        stats_(stats),
        clock_(clock),
        options_(options) {}

  // All of `table`, whose number in the queue is `number`, or what comes after the key `after`.
  // Returns early when stopped or when the queue was closed. Throws as CatalogWatch::CheckOne.
  void Read(const CapturePlan& table, size_t number, std::optional<Row> after,
            std::stop_token stop);

 private:
  size_t Share() const { return std::max<size_t>(options_.bytes_per_second / options_.workers, 1); }
  bool Send(RowQueue::Piece piece, size_t bytes, const std::stop_token& stop);

  sql::Session& session_;
  const Horizon& horizon_;
  const CatalogWatch& catalog_;
  RowQueue& queue_;
  CaptureStats& stats_;
  Clock& clock_;
  const LoadOptions options_;
  Microseconds due_{0};  // when what was sent so far may have been sent, by the clock
};

// Throws DamageError when a key that the log has of the table, in its index or its cursor, cannot
// be one of the table's as it is now.
void CheckLoggedKey(const CapturePlan& table, const Row& key);

// SQL condition for the keys that compare so (">", "<=", "=") with `key`, in the order of the
// table's key columns. Pure.
sql::Sql KeyIs(const CapturePlan& table, sql::Comparison comparison, const Row& key);

}  // namespace syncline::capture
