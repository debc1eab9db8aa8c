#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "apply/apply_stage.h"
#include "capture/polling/capture_stats.h"
#include "capture/polling/table_tally.h"
#include "engine/base/clock.h"
#include "engine/log/log_reader.h"

namespace syncline::cli {

// What one source's capture has done in this process, over all its restarts.
struct CaptureActivity {
  uint64_t polls = 0;
  uint64_t rows_read = 0;
  uint64_t changes_logged = 0;
  uint64_t loads_running = 0;
  uint64_t rows_to_load = 0;  // as the source guesses
  uint64_t loads_left = 0;    // tables that were not loaded yet when a stage ended
  std::map<TableName, capture::TableTally::Counts> tables;
  std::map<TableName, uint64_t> set_aside;  // rows that stay at the source, by whatever run
  bool knows_set_aside = false;             // false: nobody has looked yet
  std::optional<Offset> log_end;

  // Of these tables.
  uint64_t RowsSetAside(const std::vector<TableName>& of) const;
};

// What one pipeline's apply has done in this process, and how far it is behind its log where that
// is known.
struct ApplyActivity {
  std::string source;
  Offset next;
  uint64_t changes = 0;
  uint64_t rows_written = 0;
  uint64_t rows_newer = 0;
  uint64_t conflicts = 0;
  uint64_t refused = 0;  // changes that were parked in the target's quarantine
  // Refused changes that are in there, by whatever run; none: nobody has looked yet.
  std::optional<uint64_t> parked;
  uint64_t batches = 0;
  uint64_t idles = 0;                              // times that all of the log was applied
  std::map<TableName, apply::WriteCounts> tables;  // of the target
  std::optional<uint64_t> behind;                  // changes in the log and not in the target
  std::optional<Microseconds> lag;  // age of the oldest of them; zero when there is none
};

// By name of source and pipeline.
struct Activity {
  std::map<std::string, CaptureActivity> captures;
  std::map<std::string, ApplyActivity> applies;
};

// Where running stages are looked at from outside: the summary in the log and the demo's table.
// Thread-safe. A stage is watched from its making to its end; its counts stay.
class StageWatch {
 public:
  explicit StageWatch(Clock& clock) : clock_(clock) {}
  StageWatch(const StageWatch&) = delete;
  StageWatch& operator=(const StageWatch&) = delete;

  // Ends the watching; has to go before the stage whose stats it reads.
  class Watching {
   public:
    virtual ~Watching() = default;
  };

  // `reader` serves Look alone, whoever calls it; goes with the returned object.
  [[nodiscard]] std::unique_ptr<Watching> Capture(const std::string& source,
                                                  const capture::CaptureStats& stats,
                                                  std::unique_ptr<LogReader> reader);
  [[nodiscard]] std::unique_ptr<Watching> Apply(const std::string& pipeline,
                                                const std::string& source,
                                                const apply::ApplyStats& stats);

  Activity Look();
  // The same without lags and the logs' ends.
  Activity Counts();

 private:
  struct WatchedCapture {
    const capture::CaptureStats* stats = nullptr;  // null: not running now
    std::unique_ptr<LogReader> reader;
    std::string cursor;      // of which before.set_aside comes
    CaptureActivity before;  // by stages that have ended; and the log's end when it was last seen
  };
  struct WatchedApply {
    const apply::ApplyStats* stats = nullptr;
    ApplyActivity before;
  };
  template <typename End>
  class Ending;

  static CaptureActivity Sum(const WatchedCapture& watched);
  static ApplyActivity Sum(const WatchedApply& watched);
  static void MeasureEnd(WatchedCapture& watched);
  static void FindSetAside(WatchedCapture& watched);
  void MeasureLag(ApplyActivity& apply);

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, WatchedCapture> captures_;  // guarded by mutex_
  std::map<std::string, WatchedApply> applies_;     // guarded by mutex_
};

}  // namespace syncline::cli
