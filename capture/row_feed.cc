#include "capture/row_feed.h"

#include <fmt/format.h>

namespace syncline::capture {

void CheckKey(const TablePlan& table, const Row& row) {
  if (!table.key_may_be_null) return;
  for (const uint32_t column : table.schema->key) {
    if (!row[column].is_null()) continue;
    throw StopError(fmt::format("{}: a row's key column {} holds NULL", table.name(),
                                table.schema->columns[column].name),
                    "choose key columns that are never NULL, or leave such rows out with where:");
  }
}

RowFeed::Batch::Batch(RowFeed& feed, CutWriter::Options options)
    : feed_(feed), writer_(feed.log_, options) {}

void RowFeed::Batch::Add(const TablePlan& table, Row row) {
  feed_.InLog([&] { writer_.Add(table.schema, std::move(row)); });
}

uint64_t RowFeed::Batch::Read(const TablePlan& table, const std::string& condition,
                              const std::string& order_by, uint64_t limit,
                              const std::function<void(const Row&)>& watch) {
  const std::string where = And(table.where, condition);
  const sql::Session::Read read{*table.schema, where, order_by, limit};
  return InContext(table.name(), [&] {
    return feed_.session_.ReadRows(read, [&](Row& row) {
      feed_.stats_.rows_read.fetch_add(1, std::memory_order_relaxed);
      CheckKey(table, row);
      if (watch) watch(row);
      Add(table, std::move(row));
    });
  });
}

void RowFeed::Batch::Checkpoint(const std::string& cursor) {
  feed_.InLog([&] { writer_.Checkpoint(cursor); });
  feed_.stats_.changes_logged += logged() - std::exchange(counted_, logged());
}

void RowFeed::Batch::Close(const std::string& cursor) {
  feed_.InLog([&] { writer_.Close(cursor); });
  feed_.stats_.changes_logged += logged() - std::exchange(counted_, logged());
}

}  // namespace syncline::capture
