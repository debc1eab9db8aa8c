#include "capture/polling_source.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/crash_point.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

// Named in one statement.
constexpr size_t kKeysRead = 200;

}  // namespace

PollingSource::PollingSource(sql::Session& session, std::vector<TablePlan> tables,
                             const CaptureOptions& options, ChangeLog& log, CaptureStats& stats,
                             spdlog::logger& logger)
    : session_(session),
      log_(log),
      stats_(stats),
      logger_(logger),
      tables_(std::move(tables)),
      horizon_(MakeHorizon(session, tables_, options.margin)),
      cursor_(CaptureCursor::Parse(log.cursor())),
      feed_(session, log, stats),
      load_({session, feed_, *horizon_, cursor_, tables_, logger}, options.load_range_rows) {
  AdoptTables();
}

void PollingSource::AdoptTables() {
  std::map<TableName, CaptureCursor::Table> adopted;
  for (const TablePlan& table : tables_) {
    CaptureCursor::Table state;
    auto known = cursor_.tables.find(table.schema->table);
    if (known != cursor_.tables.end()) {
      state = known->second;
      if (state.definition != table.definition) {
        logger_.info("table is loaded again, its key, cursor, where or omit has changed table={}",
                     table.name());
        state = {};
      }
    }
    state.definition = table.definition;
    adopted[table.schema->table] = std::move(state);
  }
  cursor_.tables = std::move(adopted);
  stats_.loads_running = load_.pending();
}

void PollingSource::LoadRange() {
  load_.ReadRange();
  stats_.loads_running = load_.pending();
}

void PollingSource::Poll(const std::vector<RowKeys>& again) {
  SYNCLINE_CHECK(!loading());
  const bool something_new = horizon_->Look();
  if (!something_new && !log_.cut_open() && again.empty()) {
    ++stats_.polls;
    return;
  }
  CrashPoint("poll.begun");
  RowFeed::Batch batch(feed_);
  sql::Transaction snapshot(session_, sql::Session::Isolation::kSnapshot);
  horizon_->Enter(tables_, cursor_);
  for (const TablePlan& table : tables_) {
    Value& seen = cursor_.tables[table.schema->table].seen;
    std::function<void(const Row&)> watch;
    if (table.counts_up) {
      // Rows come in cursor order: the last one holds the highest value, by the database's own
      // comparison.
      watch = [&](const Row& row) {
        Value value(row[table.schema->cursor]);
        if (horizon_->Trusts(value)) seen = std::move(value);
      };
    }
    batch.Read(table, horizon_->Condition(table, cursor_), table.poll_order, 0, watch);
  }
  for (const RowKeys& rows : again) ReadAgain(rows, batch);
  snapshot.Commit();
  CrashPoint("poll.read");
  batch.Close(cursor_.ToString());
  CrashPoint("poll.logged");
  ++stats_.polls;
  logger_.debug("poll done logged={}", batch.logged());
}

void PollingSource::ReadAgain(const RowKeys& rows, RowFeed::Batch& batch) {
  const auto table = std::ranges::find(tables_, rows.table,
                                       [](const TablePlan& plan) { return plan.schema->table; });
  if (table == tables_.end()) return;
  for (size_t first = 0; first < rows.keys.size(); first += kKeysRead) {
    const std::span<const Row> keys =
        std::span(rows.keys).subspan(first, std::min(kKeysRead, rows.keys.size() - first));
    if (std::ranges::any_of(
            keys, [&](const Row& key) { return key.size() != table->schema->key.size(); })) {
      continue;
    }
    const std::string these = sql::IsOneOf(table->key_columns(), keys, session_.dialect());
    std::set<std::string> there;
    const auto note = [&](const Row& row) {
      there.insert(Project(row, table->schema->key).bytes());
    };
    batch.Read(*table, these, "", 0, note);
    // Not deleted, but without a version: such rows have no place in the log.
    if (!table->null_cursor.empty()) {
      const std::string where = And(table->null_cursor, these);
      session_.ReadRows({.schema = *table->schema, .where = where}, note);
    }
    std::vector<Row> gone;
    for (const Row& key : keys) {
      if (!there.contains(key.bytes())) gone.push_back(key);
    }
    batch.Delete(*table, gone);
  }
}

}  // namespace syncline::capture
