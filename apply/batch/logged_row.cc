#include "apply/batch/logged_row.h"

#include <utility>
#include <vector>

namespace syncline::apply {
namespace {

constexpr size_t kEntriesAtOnce = 1000;

bool HasKey(const TableSchema& schema, Op op, const Row& row, const Row& key) {
  return op == Op::kDelete ? row == key : Project(row, schema.key) == key;
}

std::optional<LoggedRow> FindInBase(LogReader& log, const TableName& table, const Row& key,
                                    Offset offset) {
  const std::unique_ptr<BaseReader> base = log.OpenBase();
  base->SeekTable(table);
  while (true) {
    std::vector<BaseEntry> entries = base->Next(kEntriesAtOnce);
    if (entries.empty()) return {};
    for (BaseEntry& entry : entries) {
      if (entry.offset != offset || !HasKey(*entry.table, entry.op, entry.row, key)) continue;
      return LoggedRow{entry.table, std::move(entry.row), std::move(entry.version)};
    }
  }
}

}  // namespace

std::optional<LoggedRow> FindLogged(LogReader& log, const TableName& table, const Row& key,
                                    Offset offset) {
  if (offset >= log.end()) return {};
  if (offset < log.begin()) return FindInBase(log, table, key, offset);
  log.Seek(offset);
  std::optional<Frame> frame = log.Next();
  if (!frame) return {};
  Change& change = frame->changes.at(offset - frame->header.base);
  if (change.op == Op::kMark) return {};
  const auto& schema = frame->tables[change.table];
  if (schema->table != table || !HasKey(*schema, change.op, change.row, key)) return {};
  return LoggedRow{schema, std::move(change.row), std::move(change.version)};
}

}  // namespace syncline::apply
