#include "capture/polling_source.h"

#include <utility>

#include "capture/guarantee.h"
#include "engine/base/check.h"
#include "engine/base/crash_point.h"

namespace syncline::capture {

PollingSource::PollingSource(sql::Session& session,
                             std::function<std::unique_ptr<sql::Session>()> open,
                             std::vector<TablePlan> tables, const CaptureOptions& options,
                             ChangeLog& log, Clock& clock, CaptureStats& stats,
                             spdlog::logger& logger)
    : session_(session),
      log_(log),
      stats_(stats),
      logger_(logger),
      tables_(std::move(tables)),
      horizon_(MakeHorizon(session, tables_, options.margin)),
      cursor_(CaptureCursor::Parse(log.cursor())),
      feed_(session, log, stats),
      load_({session, std::move(open), feed_, *horizon_, cursor_, tables_, stats, clock, logger},
            options.load) {
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
    state.guarantee = NameOf(Classify(session_, table).kind);
    adopted[table.schema->table] = std::move(state);
  }
  cursor_.tables = std::move(adopted);
  stats_.loads_running = load_.pending();
}

void PollingSource::LoadRange() {
  load_.TakeRange();
  stats_.loads_running = load_.pending();
}

bool PollingSource::Poll() {
  SYNCLINE_CHECK(!loading());
  if (!horizon_->Changed() && !log_.cut_open()) {
    ++stats_.polls;
    return false;
  }
  horizon_->Look();
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
  snapshot.Commit();
  CrashPoint("poll.read");
  batch.Close(cursor_.ToString());
  CrashPoint("poll.logged");
  ++stats_.polls;
  logger_.debug("poll done logged={}", batch.logged());
  return batch.logged() > 0;
}

}  // namespace syncline::capture
