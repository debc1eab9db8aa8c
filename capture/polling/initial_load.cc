#include "capture/polling/initial_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include "capture/polling/range_reader.h"
#include "engine/base/as_error.h"
#include "engine/base/check.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/text_array.h"

namespace syncline::capture {
namespace {

// For each reader; a piece has up to 256 KiB, or one row. With large rows less is kept.
constexpr size_t kPiecesOfReader = 32;
constexpr size_t kBytesOfReader = 8u << 20;
// Nobody waits for a frame of a load, and each is synced.
constexpr size_t kFrameBytes = 1u << 20;
// The end of a table waits so long for others to become durable with it, and for no more bytes than
// a frame has: where tables are small, each would be a frame of its own.
constexpr Microseconds kLinger = std::chrono::milliseconds(50);

// Cheap, and only a guess; 0 for unknown.
uint64_t EstimateRows(sql::Session& session, const std::vector<std::string>& tables) {
  const bool keeps_estimates =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!keeps_estimates || tables.empty()) return 0;
  const auto rows = session.Query(
      "SELECT sum(greatest(c.reltuples, 0))::bigint FROM unnest($1::text[]) AS t "
      "JOIN pg_class c ON c.oid = t::regclass",
      {sql::TextArray(tables)});
  return std::stoull(rows.rows.at(0).at(0).value_or("0"));
}

}  // namespace

InitialLoad::InitialLoad(Parts parts, const LoadOptions& options)
    : parts_(std::move(parts)),
      options_(options),
      queue_(kPiecesOfReader * options.workers, kBytesOfReader * options.workers) {
  SYNCLINE_CHECK(options.workers > 0);
}

InitialLoad::~InitialLoad() {
  for (std::jthread& reader : readers_) reader.request_stop();
  queue_.Close();
}

void InitialLoad::Count() {
  pending_ = std::ranges::count_if(parts_.tables, [&](const CapturePlan& table) {
    return !parts_.cursor.tables[table.schema->table].loaded;
  });
  for (const CapturePlan& table : parts_.tables) {
    const bool loaded = parts_.cursor.tables[table.schema->table].loaded;
    if (loaded && table.finds_null_cursors) TellNullCursors(table);
  }
}

void InitialLoad::TakeRange(const std::stop_token& stop) {
  if (readers_.empty()) Begin();
  RowFeed::Batch batch(parts_.feed, {.frame_bytes = kFrameBytes, .bulk = true});
  Microseconds began = parts_.clock.Monotonic();
  std::optional<Microseconds> first_end;  // when a range ended
  size_t bytes = 0;
  std::vector<std::string> ranges, loaded;  // their tables
  while (pending_ > 0 && (!first_end || bytes < kFrameBytes)) {
    Microseconds wait = RowQueue::kForever;
    if (first_end) wait = *first_end + kLinger - parts_.clock.Monotonic();
    if (wait <= Microseconds(0)) break;
    std::optional<RowQueue::Piece> piece =
        first_end ? queue_.PopEnd(stop, wait) : queue_.Pop(stop, wait);
    if (!piece && first_end) break;
    if (!piece) return;
    bytes += piece->bytes;
    if (piece->ends_range && !first_end) first_end = parts_.clock.Monotonic();
    if (piece->ends_range) {
      const Microseconds now = parts_.clock.Monotonic();
      parts_.stats.tables.Add(parts_.tables[piece->table].schema->table,
                              {.took = now - std::exchange(began, now)});
    }
    const std::string name = parts_.tables[piece->table].name();
    if (piece->ends_range) ranges.push_back(name);
    if (piece->ends_table) loaded.push_back(name);
    const bool ends_here = piece->ends_range && !piece->ends_table;
    Take(*std::move(piece), batch);
    if (ends_here) break;
  }
  CrashPoint("load.range_read");
  batch.Checkpoint(cursor_text_.Write(parts_.cursor));
  CrashPoint("load.range_logged");
  for (const std::string& table : ranges) parts_.logger.Debug("range loaded table={}", table);
  for (const std::string& table : loaded) parts_.logger.Info("table loaded table={}", table);
}

void InitialLoad::Take(RowQueue::Piece piece, RowFeed::Batch& batch) {
  const CapturePlan& table = parts_.tables[piece.table];
  for (Row& row : piece.rows) batch.Add(table, std::move(row));
  for (const auto& [key, bytes] : piece.too_large) batch.NoteTooLarge(table, key, bytes);
  for (const auto& [key, row] : piece.unreadable) batch.NoteUnreadable(table, key, row);
  if (!piece.ends_range) return;
  CaptureCursor::Table& state = parts_.cursor.tables[table.schema->table];
  state.loaded = piece.ends_table;
  state.after = std::move(piece.after);
  if (!piece.ends_table) return;
  --pending_;
  state.renamed = false;
  parts_.feed.LogAnyway(table.schema->table, false);
}

// Every table is looked at before the first row of any is read: the moment that the first poll
// reaches back to lies before all of them.
void InitialLoad::Begin() {
  bool anchored = false;
  std::vector<std::string> names;
  for (size_t i = 0; i < parts_.tables.size(); ++i) {
    const CapturePlan& table = parts_.tables[i];
    const CaptureCursor::Table& state = parts_.cursor.tables[table.schema->table];
    if (state.loaded) continue;
    if (!anchored) parts_.horizon.Anchor(parts_.tables, parts_.cursor);
    anchored = true;
    if (!state.after) Announce(table);
    names.push_back(sql::Quote(table.schema->table).ToString());
    waiting_.push_back({i, state.after});
  }
  parts_.stats.rows_to_load += EstimateRows(parts_.session, names);
  const size_t readers = std::min<size_t>(options_.workers, waiting_.size());
  try {
    for (size_t i = 0; i < readers; ++i) {
      readers_.emplace_back([this](const std::stop_token& stop) { ReadTables(stop); });
    }
  } catch (const std::system_error&) {
    if (readers_.empty()) throw AsError(std::current_exception());  // fewer have to do
  }
}

void InitialLoad::Announce(const CapturePlan& table) {
  RefuseNullKeys(parts_.session, table);
  // The cursor's tables are classified already.
  const CaptureCursor::Table& state = parts_.cursor.tables[table.schema->table];
  if (state.guarantee && state.guarantee->kind == GuaranteeClass::kRefused) {
    throw UsageError(fmt::format("{}: {}", table.name(), state.guarantee->reason),
                     state.guarantee->remedy);
  }
  parts_.logger.Info("initial load begins table={}", table.name());
  if (!table.null_cursor.empty()) TellNullCursors(table);
}

void InitialLoad::TellNullCursors(const CapturePlan& table) {
  const auto count = parts_.session.Query(
      sql::Format("SELECT count(*) FROM {} WHERE {}", table.from(), table.null_cursor));
  const std::string& rows = count.rows.at(0).at(0).value();
  if (rows == "0") return;
  parts_.logger.Warn(
      "rows are not captured because their cursor column is NULL table={} column={} rows={} "
      "hint=\"set it on every row and make the column NOT NULL\"",
      table.name(), table.cursor_sql().text(), rows);
}

void InitialLoad::ReadTables(const std::stop_token& stop) {
  try {
    const std::unique_ptr<sql::Session> session = parts_.open();
    CatalogWatch::PrepareCheckOne(*session);
    RangeReader reader(*session, parts_.horizon, parts_.catalog, queue_, parts_.stats, parts_.clock,
                       options_);
    while (!stop.stop_requested()) {
      std::unique_lock lock(mutex_);
      if (waiting_.empty()) return;
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      session->MayRead(parts_.tables[next.table].reach);
      reader.Read(parts_.tables[next.table], next.table, std::move(next.after), stop);
    }
  } catch (...) {
    queue_.Fail(std::current_exception());
  }
}

}  // namespace syncline::capture
