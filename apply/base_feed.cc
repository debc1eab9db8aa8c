#include "apply/base_feed.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/base/error.h"
#include "engine/log/logged_change.h"

namespace syncline::apply {
namespace {

// Read from the base at a time.
constexpr uint64_t kReadEntries = 100;
// Of batches of one base.
constexpr uint64_t kBatchesMax = uint64_t{1} << 32;

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
  if (entry.lineage) {
    step.origin =
        std::make_shared<OriginInfo>(OriginInfo{.clock = entry.lineage->clock, .from_base = true});
  }
  return step;
}

}  // namespace

bool IsInBase(const Progress& progress) {
  return progress.frame_hash > 0 && progress.frame_hash < kBatchesMax;
}

void CheckReaches(const BaseInfo& base, const BaseRequest& request) {
  if (request.next > Offset() && request.next < base.deletions_from) {
    throw StopError(
        fmt::format("pipeline {} needs offset {}, but the log begins at {} and has forgotten which "
                    "rows were deleted before {}",
                    request.pipeline, request.next.value(), base.as_of.value(),
                    base.deletions_from.value()),
        "Rebuild the target in an empty place with `syncline replay`, and let the apply process "
        "write to the log's folder `consumers`, so that the log waits for it.");
  }
  if ((request.to_offset && *request.to_offset < base.as_of) ||
      (request.to_time && *request.to_time < base.written_at)) {
    throw UsageError(
        fmt::format("the log covers its history only from offset {} on, written at "
                    "{:%Y-%m-%dT%H:%M:%SZ}: older frames "
                    "were folded into its base",
                    base.as_of.value(), std::chrono::floor<std::chrono::seconds>(base.written_at)),
        "Choose a later offset or time, or restore a backup of the log that reaches further back.");
  }
}

BaseFeed::BaseFeed(BaseReader& base, Offset from, const std::vector<TableName>& parents_first,
                   bool as_frames)
    : base_(base), from_(from), as_frames_(as_frames) {
  const std::vector<TableName> all = base.Tables();
  std::set<TableName> there(all.begin(), all.end());
  for (const TableName& table : parents_first) {
    if (there.erase(table) > 0) legs_.push_back({table, Op::kUpsert});
  }
  for (const TableName& table : there) legs_.push_back({table, {}});
}

bool BaseFeed::Stand() {
  if (legs_.empty() && !whole_) {
    base_.CheckWhole();
    whole_ = true;
    legs_ = std::move(deletions_);
  }
  if (legs_.empty()) return false;
  if (!begun_) base_.SeekTable(legs_.front().table);
  begun_ = true;
  return true;
}

bool BaseFeed::Takes(const BaseEntry& entry) {
  const Leg& leg = legs_.front();
  if (!leg.op || entry.offset < from_) return false;
  if (*leg.op == entry.op) return true;
  const bool known = !deletions_.empty() && deletions_.front().table == leg.table;
  if (entry.op == Op::kDelete && !known) deletions_.push_front({leg.table, Op::kDelete});
  return false;
}

uint64_t ChangesIn(const TargetBatch& batch) {
  uint64_t changes = 0;
  for (const TableChanges& table : batch.tables) {
    changes += table.upserts.size() + table.deletes.size();
  }
  for (const Frame& frame : batch.frames) changes += frame.changes.size();
  return changes;
}

std::optional<TargetBatch> BaseFeed::NextFrames(uint64_t count, uint64_t bytes) {
  TargetBatch batch = Empty();
  uint64_t found_bytes = 0;
  while (batch.frames.size() < count && found_bytes < bytes) {
    std::vector<BaseEntry> entries = base_.Next(std::min(kReadEntries, count));
    if (entries.empty()) break;
    for (BaseEntry& entry : entries) {
      if (entry.offset < from_) continue;
      found_bytes += entry.row.bytes().size();
      batch.frames.push_back(FrameOf(std::move(entry)));
    }
  }
  if (batch.frames.empty()) return std::nullopt;
  return batch;
}

std::optional<TargetBatch> BaseFeed::Next(uint64_t count, uint64_t bytes) {
  if (as_frames_) return NextFrames(count, bytes);
  std::map<SchemaId, TableChanges> tables;
  uint64_t found = 0, found_bytes = 0;
  while (found < count && found_bytes < bytes && Stand()) {
    std::vector<BaseEntry> entries = base_.Next(std::min(kReadEntries, count - found));
    if (entries.empty()) {
      legs_.pop_front();
      begun_ = false;
    }
    for (BaseEntry& entry : entries) {
      if (!Takes(entry)) continue;
      found_bytes += entry.row.bytes().size();
      ++found;
      TableChanges& changes = tables[entry.table->id()];
      changes.schema = entry.table;
      (entry.op == Op::kDelete ? changes.deletes : changes.upserts).push_back(StepOf(entry));
    }
  }
  if (found == 0) return std::nullopt;
  TargetBatch batch = Empty();
  for (auto& [id, changes] : tables) {
    SortByKey(changes);
    batch.tables.push_back(std::move(changes));
  }
  return batch;
}

}  // namespace syncline::apply
