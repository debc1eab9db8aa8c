#include "capture/row_feed.h"

#include <fmt/format.h>

#include <optional>

namespace syncline::capture {
namespace {

void CheckKey(const TablePlan& table, const Row& row) {
  for (const uint32_t column : table.schema->key) {
    if (!row[column].is_null()) continue;
    throw StopError(fmt::format("{}: a row's key column {} holds NULL", table.name(),
                                table.schema->columns[column].name),
                    "choose key columns that are never NULL, or leave such rows out with where:");
  }
}

}  // namespace

RowFeed::Batch::Batch(RowFeed& feed) : feed_(feed), writer_(feed.log_) {}

uint64_t RowFeed::Batch::Read(const TablePlan& table, const std::string& condition,
                              const std::string& order_by, uint64_t limit,
                              const std::function<void(const Row&)>& watch) {
  const std::string where = And(table.where, condition);
  const sql::Session::Read read{*table.schema, where, order_by, limit};
  return InContext(table.name(), [&] {
    return feed_.session_.ReadRows(read, [&](Row& row) {
      feed_.stats_.rows_read.fetch_add(1, std::memory_order_relaxed);
      if (table.key_may_be_null) CheckKey(table, row);
      if (watch) watch(row);
      feed_.InLog([&] { writer_.Add(table.schema, std::move(row)); });
    });
  });
}

void RowFeed::Batch::Delete(const TablePlan& table, const std::vector<Row>& keys) {
  feed_.InLog([&] {
    std::vector<std::optional<IndexEntry>> logged = feed_.log_.Lookup(table.schema->table, keys);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!logged[i] || logged[i]->deleted) continue;
      writer_.AddDeletion(table.schema, keys[i], std::move(logged[i]->version));
    }
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
