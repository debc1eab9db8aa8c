#include "engine/log/rocks/base_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/log/log_damage.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

// Deletions that are dropped in one write.
constexpr size_t kDropBatch = 4096;

}  // namespace

BaseWriter::BaseWriter(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family)
    : db_(db), family_(family) {
  std::string bytes;
  const rocksdb::Status status = db_.Get({}, family_, base::kRecordKey, &bytes);
  if (status.IsNotFound()) return;
  ThrowIfBad(status, kReadingBase);
  record_ = base::DecodeRecord(bytes);
}

void BaseWriter::Fold(const Frame& frame) {
  if (frame.header.base != record_.info.as_of) {
    throw LogDamage(fmt::format("the log's base ends at offset {}, where no frame begins",
                                record_.info.as_of.value()));
  }
  std::map<std::string, Folding> entries;
  std::vector<std::string> keys(frame.changes.size());
  for (size_t i = 0; i < frame.changes.size(); ++i) {
    const Change& change = frame.changes[i];
    if (change.op == Op::kMark) continue;
    const TableSchema& table = *frame.tables[change.table];
    keys[i] = base::EntryKey(
        table.table, change.op == Op::kDelete ? change.row : Project(change.row, table.key));
    entries.try_emplace(keys[i]);
  }
  Read(entries);
  for (size_t i = 0; i < frame.changes.size(); ++i) {
    const Change& change = frame.changes[i];
    if (change.op == Op::kMark) continue;
    std::optional<base::StoredEntry>& entry = entries[keys[i]].entry;
    entry = base::Follow(entry, frame.header.schemas[change.table], change, frame.header.base + i);
  }

  batch_.Clear();
  for (const auto& [key, folding] : entries) Stage(key, folding);
  BaseInfo& info = record_.info;
  info.as_of = frame.header.end();
  info.hash = frame.header.hash;
  info.written_at = frame.header.written_at;
  info.cut_open = !frame.header.closes_cut;
  Write();
}

void BaseWriter::Read(std::map<std::string, Folding>& entries) {
  std::vector<rocksdb::Slice> keys;
  for (const auto& [key, folding] : entries) keys.emplace_back(key);
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_.MultiGet({}, family_, keys.size(), keys.data(), values.data(), statuses.data(),
               /*sorted_input=*/true);
  size_t i = 0;
  for (auto& [key, folding] : entries) {
    const size_t at = i++;
    if (statuses[at].IsNotFound()) continue;
    ThrowIfBad(statuses[at], kReadingBase);
    folding.before = values[at].ToString();
    folding.entry = base::DecodeEntry(folding.before);
  }
}

void BaseWriter::Stage(const std::string& key, const Folding& folding) {
  if (!folding.before.empty()) base::Uncount(key, folding.before, record_);
  const BaseEntry& entry = folding.entry->entry;
  const std::string value = base::EncodeEntry(*folding.entry);
  base::Count(key, value, record_);
  batch_.Put(family_, key, value);
  if (entry.op == Op::kDelete) batch_.Put(family_, base::DeletionKey(entry.offset), key);
}

void BaseWriter::DropDeletions(Offset seen) {
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocks::ScanOptions(), family_));
  at->Seek(std::string(1, base::kDeletionPrefix));
  for (bool more = true; more;) {
    batch_.Clear();
    more = false;
    for (size_t count = 0; at->Valid(); at->Next(), ++count) {
      const std::optional<Offset> offset = base::ParseDeletionKey(at->key().ToStringView());
      if (!offset || *offset >= seen) break;
      if ((more = count == kDropBatch)) break;
      const std::string key = at->value().ToString();
      if (!key.starts_with(base::kEntryPrefix)) {
        throw LogDamage(
            fmt::format("the deletion at offset {} in the log's base is none", offset->value()));
      }
      batch_.Delete(family_, at->key());
      std::string bytes;
      const rocksdb::Status status = db_.Get({}, family_, key, &bytes);
      if (status.IsNotFound()) continue;
      ThrowIfBad(status, kReadingBase);
      if (base::DecodeEntry(bytes).entry.offset != *offset) continue;  // there is a row again
      base::Uncount(key, bytes, record_);
      batch_.Delete(family_, key);
      record_.info.deletions_from = std::max(record_.info.deletions_from, *offset + 1);
    }
    ThrowIfBad(at->status(), kReadingBase);
    if (batch_.Count() > 0) Write();
  }
}

void BaseWriter::Write() {
  batch_.Put(family_, base::kRecordKey, base::EncodeRecord(record_));
  ThrowIfBad(db_.Write({}, &batch_), "folding frames into the log's base");
}

}  // namespace syncline
