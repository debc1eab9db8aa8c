#include "capture/initial_load.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/crash_point.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {

std::string AfterKey(const TablePlan& table, const Row& key) {
  SYNCLINE_CHECK_EQ(key.size(), table.schema->key.size());
  std::string values;
  for (const ValueView value : key) {
    values += (values.empty() ? "" : ", ") + sql::Literal(value, table.schema->dialect);
  }
  return fmt::format("({}) > ({})", table.key_order, values);
}

uint64_t InitialLoad::pending() const {
  return std::ranges::count_if(parts_.tables, [&](const TablePlan& table) {
    return !parts_.cursor.tables[table.schema->table].loaded;
  });
}

void InitialLoad::ReadRange() {
  auto table = std::ranges::find_if(parts_.tables, [&](const TablePlan& candidate) {
    return !parts_.cursor.tables[candidate.schema->table].loaded;
  });
  SYNCLINE_CHECK(table != parts_.tables.end());
  CaptureCursor::Table& state = parts_.cursor.tables[table->schema->table];
  if (!state.after) Begin(*table);
  CrashPoint("load.range_begun");

  RowFeed::Batch batch(parts_.feed);
  sql::Transaction snapshot(parts_.session, sql::Session::Isolation::kSnapshot);
  parts_.horizon.Hold(*table);
  uint64_t rows = 0;
  Row last;
  batch.Read(*table, state.after ? AfterKey(*table, *state.after) : "", table->key_order,
             range_rows_, [&](const Row& row) {
               if (++rows == range_rows_) last = Project(row, table->schema->key);
             });
  snapshot.Commit();

  state.loaded = rows < range_rows_;
  state.after.reset();
  if (!state.loaded) state.after = std::move(last);
  CrashPoint("load.range_read");
  batch.Checkpoint(parts_.cursor.ToString());
  CrashPoint("load.range_logged");
  parts_.logger.debug("range loaded table={} rows={}", table->name(), rows);
  if (state.loaded) parts_.logger.info("table loaded table={}", table->name());
}

void InitialLoad::Begin(const TablePlan& table) {
  parts_.horizon.Anchor(parts_.tables, parts_.cursor);
  RefuseNullKeys(parts_.session, table);
  parts_.logger.info("initial load begins table={}", table.name());
  if (table.null_cursor.empty()) return;
  const auto count = parts_.session.Query(fmt::format(
      "SELECT count(*) FROM {} WHERE {}", sql::Quote(table.schema->table), table.null_cursor));
  const std::string& rows = count.rows.at(0).at(0).value();
  if (rows == "0") return;
  parts_.logger.warn(
      "rows are not captured because their cursor column is NULL table={} column={} rows={} "
      "hint=\"set it on every row and make the column NOT NULL\"",
      table.name(), table.cursor_column(), rows);
}

}  // namespace syncline::capture
