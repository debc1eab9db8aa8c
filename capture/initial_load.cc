#include "capture/initial_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include "capture/guarantee.h"
#include "capture/range_reader.h"
#include "engine/base/as_error.h"
#include "engine/base/check.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

// For each reader; a piece has up to 256 KiB, or one row.
constexpr size_t kPiecesOfReader = 32;
// Nobody waits for a frame of a load, and each is synced.
constexpr size_t kFrameBytes = 1u << 20;

// Cheap, and only a guess; 0 for unknown.
uint64_t EstimateRows(sql::Session& session, const TablePlan& table) {
  if (session.dialect() != Dialect::kPostgres) return 0;
  const auto rows =
      session.Query("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = $1::regclass",
                    {sql::Quote(table.schema->table)});
  return rows.rows.empty() ? 0 : std::stoull(rows.rows[0][0].value_or("0"));
}

}  // namespace

InitialLoad::InitialLoad(Parts parts, const LoadOptions& options)
    : parts_(std::move(parts)), options_(options), queue_(kPiecesOfReader * options.workers) {
  SYNCLINE_CHECK(options.workers > 0);
}

InitialLoad::~InitialLoad() {
  for (std::jthread& reader : readers_) reader.request_stop();
  queue_.Close();
}

uint64_t InitialLoad::pending() const {
  return std::ranges::count_if(parts_.tables, [&](const TablePlan& table) {
    return !parts_.cursor.tables[table.schema->table].loaded;
  });
}

void InitialLoad::TakeRange(const std::stop_token& stop) {
  if (readers_.empty()) Begin();
  RowFeed::Batch batch(parts_.feed, {.frame_bytes = kFrameBytes, .bulk = true});
  const Microseconds began = parts_.clock.Monotonic();
  uint64_t rows = 0;
  for (bool more = true; more;) {
    std::optional<RowQueue::Piece> piece = queue_.Pop(stop);
    if (!piece) return;
    const TablePlan& table = parts_.tables[piece->table];
    rows += piece->rows.size();
    for (Row& row : piece->rows) batch.Add(table, std::move(row));
    if (!piece->ends_range) continue;
    more = false;
    CaptureCursor::Table& state = parts_.cursor.tables[table.schema->table];
    state.loaded = piece->ends_table;
    state.after = std::move(piece->after);
    CrashPoint("load.range_read");
    batch.Checkpoint(parts_.cursor.ToString());
    CrashPoint("load.range_logged");
    parts_.stats.tables.Add(table.schema->table, {.took = parts_.clock.Monotonic() - began});
    parts_.logger.debug("range loaded table={} rows={}", table.name(), rows);
    if (state.loaded) parts_.logger.info("table loaded table={}", table.name());
  }
}

// Every table is looked at before the first row of any is read: the moment that the first poll
// reaches back to lies before all of them.
void InitialLoad::Begin() {
  for (size_t i = 0; i < parts_.tables.size(); ++i) {
    const TablePlan& table = parts_.tables[i];
    const CaptureCursor::Table& state = parts_.cursor.tables[table.schema->table];
    if (state.loaded) continue;
    if (!state.after) Announce(table);
    parts_.stats.rows_to_load += EstimateRows(parts_.session, table);
    waiting_.push_back({i, state.after});
  }
  const size_t readers = std::min<size_t>(options_.workers, waiting_.size());
  try {
    for (size_t i = 0; i < readers; ++i) {
      readers_.emplace_back([this](const std::stop_token& stop) { ReadTables(stop); });
    }
  } catch (const std::system_error&) {
    if (readers_.empty()) throw AsError(std::current_exception());  // fewer have to do
  }
}

void InitialLoad::Announce(const TablePlan& table) {
  parts_.horizon.Anchor(parts_.tables, parts_.cursor);
  RefuseNullKeys(parts_.session, table);
  const Guarantee guarantee = Classify(parts_.session, table);
  if (guarantee.kind == GuaranteeClass::kRefused) {
    throw UsageError(fmt::format("{}: {}", table.name(), guarantee.reason), guarantee.remedy);
  }
  parts_.logger.info("initial load begins table={}", table.name());
  if (table.null_cursor.empty()) return;
  const auto count = parts_.session.Query(fmt::format(
      "SELECT count(*) FROM {} WHERE {}", sql::Quote(table.schema->table), table.null_cursor));
  const std::string& rows = count.rows.at(0).at(0).value();
  if (rows == "0") return;
  parts_.logger.warn(
      "rows are not captured because their cursor column is NULL table={} column={} rows={} "
      "hint=\"set it on every row and make the column NOT NULL\"",
      table.name(), table.cursor_sql(), rows);
}

void InitialLoad::ReadTables(const std::stop_token& stop) {
  try {
    const std::unique_ptr<sql::Session> session = parts_.open();
    RangeReader reader(*session, parts_.horizon, queue_, parts_.stats, parts_.clock, options_);
    while (!stop.stop_requested()) {
      std::unique_lock lock(mutex_);
      if (waiting_.empty()) return;
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      reader.Read(parts_.tables[next.table], next.table, std::move(next.after), stop);
    }
  } catch (...) {
    queue_.Fail(std::current_exception());
  }
}

}  // namespace syncline::capture
