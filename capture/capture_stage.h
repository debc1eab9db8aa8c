#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "capture/capture_orders.h"
#include "capture/deletes.h"
#include "capture/guarantee.h"
#include "capture/known_kinds.h"
#include "capture/pace.h"
#include "capture/table_tally.h"
#include "engine/base/backoff.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/log/capture_log.h"
#include "engine/model/row_clock.h"
#include "engine/sql/database_url.h"

namespace syncline::capture {

// What a row's values may take unless the configuration says otherwise.
inline constexpr uint64_t kRowBytesMax = 64u << 20;

// How one table of the source is captured. Plain value type.
struct TableSpec {
  TableName table;
  std::vector<std::string>
      key;             // empty: the primary key, else the first unique key over NOT NULL columns
  std::string cursor;  // as CursorColumns::Parse reads it
  std::vector<std::string> omit;  // columns that must not leave the source
  std::string where;              // SQL condition on the source; empty: all rows
  Deletes deletes;
  std::string zone;                // of a cursor without one; empty: as the server is configured
  std::vector<std::string> named;  // columns that targets rename or do without: they must exist
  uint64_t row_bytes_max = kRowBytesMax;  // a row with more stays at the source, and is told of
};

// How tables that are new to the log are read.
struct LoadOptions {
  uint32_t workers = 1;           // sessions, each with a table of its own; at least one
  uint64_t bytes_per_second = 0;  // of row data, all of them together; 0: as fast as it goes
  uint64_t range_rows = 100'000;  // in one snapshot, durable together

  bool operator==(const LoadOptions&) const = default;
};

// What becomes of the stamp of a row that lies further ahead of the source's clock than max_skew:
// such a row would win against all that others write until then.
enum class AheadStamps {
  kCap,     // the row counts as written now; a warning
  kAccept,  // it counts as it is; a warning
  kStop,    // capture stops
};

// Of a source that is also a target: what is read there and not in the log was made by its users.
struct NodeOptions {
  NodeId id = 0;
  Microseconds max_skew = std::chrono::seconds(10);
  AheadStamps ahead = AheadStamps::kCap;
  // Whoever changes the database and the log together holds it, and so does each step of the stage.
  std::mutex* turn = nullptr;
  // Called with the turn, before every step: the log is to hold what was applied.
  std::function<void()> settle;
};

struct CaptureOptions {
  PollInterval every;
  bool once = false;  // stop after the first poll that closes a cut
  LoadOptions load;
  Microseconds margin = std::chrono::seconds(
      2);  // reach back this much further (design: clock skew, the way into pg_locks)
  CaptureOrders* orders = nullptr;  // borrowed; null: nobody gives any
  Backoff::Options retry = {};      // after kRetry and kRestart
  // Called on the stage's thread with an error after which it will try again, and with null once it
  // has gone on.
  std::function<void(const Error*)> troubled = {};
  // Called on the stage's thread after each completed poll, with the time at which it began, and
  // after each range of a load, with the number of tables that are not loaded yet.
  std::function<void(std::optional<WallTime> polled, uint64_t loading)> progressed = {};
  std::optional<NodeOptions> node = {};  // none: nothing else writes to the source
};

// What a stage has done since it was made. Readable from any thread.
struct CaptureStats {
  std::atomic<uint64_t> polls{0};
  std::atomic<uint64_t> rows_read{0};
  std::atomic<uint64_t> changes_logged{0};
  std::atomic<uint64_t> loads_running{0};
  std::atomic<uint64_t> rows_to_load{0};  // as the source guesses; of loads that began
  TableTally tables;
};

// Keeps one log in step with one source: initial load of tables that are new to the log, then poll
// after poll. Every poll is one snapshot of the source over all tables and becomes one cut of the
// log (invariants 1 and 3).
//
// Threads: Run on one thread; stats() from any. Borrows log and clock, which must outlive it. Opens
// its own session and reopens it, with backoff, after kRetry and kRestart (with `once` a few times
// only, unless `retry` says how often); after the last retry that `retry` allows the error leaves
// Run as a kStop; after kStop it looks whether a table has changed, and if so goes on with the
// table as it is now; any other error leaves Run. So does a kRestart of the log's own: whoever
// opened the log has to open it again, and make a new stage. The log is always left so that the
// next Run resumes exactly.
class CaptureStage {
 public:
  // Connects and checks every table (exists, key, cursor column and its type); throws with a hint
  // before anything is captured.
  CaptureStage(sql::DatabaseUrl source, std::vector<TableSpec> tables, CaptureOptions options,
               CaptureLog& log, Clock& clock, std::shared_ptr<spdlog::logger> logger);
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

// One line of `syncline check` about the source.
struct Finding {
  enum class Level { kPass, kWarn, kFail };
  Level level = Level::kPass;
  std::string subject;  // "shop", "shop public.items"
  std::string message;
  std::string hint;             // what to do; empty for kPass
  Cause cause = Cause::kUsage;  // of a kFail
};

// Connects and looks at the source and every table, without a log (`known` is what it says of
// them); never throws for what it finds.
std::vector<Finding> CheckSource(const sql::DatabaseUrl& source,
                                 const std::vector<TableSpec>& tables,
                                 const KnownKinds& known = {});

// Identity of the source, for who opens its log.
std::string SourceIdentity(const sql::DatabaseUrl& source);

// What capture promises, by table, as far as a cursor that is stored in the log tells; nothing for
// one that cannot be read.
std::map<std::string, Guarantee> Guarantees(const std::string& cursor);
// The same as the source itself tells, without a log; nothing for tables that cannot be planned.
// Throws as Session::Open does.
std::map<TableName, Guarantee> GuaranteesOf(const sql::DatabaseUrl& source,
                                            const std::vector<TableSpec>& tables);

// A row of the source that is too large to be captured.
struct LargeRow {
  TableName table;
  std::string key;  // its values, for people
  uint64_t bytes = 0;
  bool operator==(const LargeRow&) const = default;
};
// Those that a cursor tells of, by table and key; nothing for one that cannot be read.
std::vector<LargeRow> LargeRowsOf(const std::string& cursor);

// A row that the source cannot give, and why.
struct UnreadableRow {
  TableName table;
  std::string key;  // its values, for people
  std::string why;
  bool operator==(const UnreadableRow&) const = default;
};
// Those that a cursor tells of, as LargeRowsOf.
std::vector<UnreadableRow> UnreadableRowsOf(const std::string& cursor);

// A human-readable account of a cursor that is stored in the log: for `log cat`, `status` and
// `offsets`.
std::string DescribeCursor(const std::string& cursor);

}  // namespace syncline::capture
