#include "apply/base_feed.h"

#include <algorithm>
#include <map>
#include <utility>

namespace syncline::apply {
namespace {

// Read from the base at a time.
constexpr size_t kReadEntries = 100;

RowChange StepOf(BaseEntry& entry) {
  RowChange step;
  if (entry.op == Op::kDelete) {
    step.key = std::move(entry.row);
  } else {
    step.key = Project(entry.row, entry.table->key);
    step.row = std::move(entry.row);
  }
  step.version = std::move(entry.version);
  step.offset = entry.offset;
  step.passed_up_to = std::move(entry.highest_before);
  return step;
}

}  // namespace

BaseFeed::BaseFeed(BaseReader& base, Offset from, Wanted wanted)
    : base_(base), from_(from), wanted_(std::move(wanted)) {}

std::optional<std::vector<TableChanges>> BaseFeed::Next(uint64_t count, uint64_t bytes) {
  std::map<SchemaId, TableChanges> tables;
  uint64_t found = 0, found_bytes = 0;
  bool more = true;
  while (more && found < count && found_bytes < bytes) {
    std::vector<BaseEntry> entries = base_.Next(kReadEntries);
    more = !entries.empty();
    for (BaseEntry& entry : entries) {
      if (entry.offset < from_ || !wanted_(entry.table->table)) continue;
      const uint64_t row_bytes = entry.row.bytes().size();
      TableChanges& changes = tables[entry.table->id()];
      changes.schema = entry.table;
      (entry.op == Op::kDelete ? changes.deletes : changes.upserts).push_back(StepOf(entry));
      ++found;
      found_bytes += row_bytes;
    }
  }
  if (found == 0) return std::nullopt;
  std::vector<TableChanges> all;
  for (auto& [id, changes] : tables) {
    SortByKey(changes);
    all.push_back(std::move(changes));
  }
  return all;
}

}  // namespace syncline::apply
