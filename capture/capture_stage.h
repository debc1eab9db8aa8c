#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "capture/polling/capture_options.h"
#include "capture/polling/capture_stats.h"
#include "capture/polling/source.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/capture_log.h"
#include "engine/model/row_clock.h"
#include "engine/sql/database_url.h"

namespace syncline::capture {

// Keeps one log in step with one source: initial load of tables that are new to the log, then poll
// after poll. Every poll is one snapshot of the source over all tables and becomes one cut of the
// log (invariants 1 and 3).
//
// Threads: Run on one thread; stats() from any. Borrows log and clock, which must outlive it.
// Connects with the source, and again with backoff, after kRetry and kRestart (with `once` a few
// times only, unless `retry` says how often); after the last retry that `retry` allows the error
// leaves Run as a kStop; after kStop it looks whether a table has changed, and if so goes on with
// the table as it is now; any other error leaves Run. So does a kRestart of the log's own: whoever
// opened the log has to open it again, and make a new stage. The log is always left so that the
// next Run resumes exactly.
class CaptureStage {
 public:
  // Connects, and throws as SourceConnector::Connect does, before anything is captured.
  CaptureStage(const SourceMaker& make_source, CaptureOptions options, CaptureLog& log,
               Clock& clock, std::shared_ptr<Logger> logger);
  ~CaptureStage();

  // Returns when stopped (after the poll at hand: the log then ends with a closed cut, or with a
  // finished range of an initial load), or, with `once`, after one poll.
  void Run(std::stop_token stop);

  const CaptureStats& stats() const;

  // For a node, from any thread that holds its turn. Polls at once and reads those rows again, as
  // CaptureOrders says. Throws RetryError while tables are being loaded; after any error the stage
  // goes on by itself.
  void PollNow(const RowKeys& again);
  // The table as it is captured; null: it is not.
  std::shared_ptr<const TableSchema> Schema(const TableName& table);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Identity of the source, for who opens its log.
std::string SourceIdentity(const sql::DatabaseUrl& source);

}  // namespace syncline::capture
