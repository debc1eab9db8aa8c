#include "engine/log/rocks/row_index.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/log/big_endian.h"
#include "engine/log/log_damage.h"
#include "engine/log/ordered_key.h"
#include "engine/log/store/index_entry.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

constexpr char kReadingIndex[] = "reading the log's row index";
constexpr char kWriting[] = "writing the log's row index";
// MultiGet looks at a batch of keys together; its own limit is 32 keys at a time.
constexpr size_t kLookupBatch = 256;
// Stands where the epoch does while the index is being made from the base. Epochs count from 1.
constexpr uint64_t kNoEpoch = 0;

std::string StateKey(std::string_view name) {
  return std::string(layout::kIndexStatePrefix) + std::string(name);
}
std::string TablePrefix() { return StateKey("table/"); }
std::string EpochKey() { return StateKey("epoch"); }

std::string EncodeNumber(uint64_t number) {
  std::string bytes;
  layout::AppendBigEndian64(bytes, number);
  return bytes;
}

uint64_t DecodeNumber(const rocksdb::Slice& bytes) {
  if (bytes.size() != 8) throw LogDamage("a number in the row index is cut off");
  return layout::ReadBigEndian64(bytes.data());
}

// 0 stands for what is no table; the next one still has to be a number.
uint32_t TableIdOf(const rocksdb::Slice& bytes) {
  const uint64_t id = DecodeNumber(bytes);
  if (id == 0 || id >= UINT32_MAX) throw LogDamage("a table of the row index has no number");
  return static_cast<uint32_t>(id);
}

TableName TableNameOf(const rocksdb::Slice& name) {
  try {
    return TableName::Parse(name.ToStringView());
  } catch (const Error&) {
    throw LogDamage("a table of the row index has no name");
  }
}

// The frames are the WAL.
rocksdb::WriteOptions NotLogged() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

}  // namespace

RowIndex::RowIndex(LogStore& store, Options options) : store_(store), options_(options) { Load(); }

void RowIndex::Load() {
  rocksdb::DB& db = store_.db();
  pending_.Clear();
  from_base_ = false;
  wal_bytes_ = 0;
  tables_.clear();
  next_table_id_ = 1;
  const std::string prefix = TablePrefix();
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(rocks::ScanOptions(), store_.index()));
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    rocksdb::Slice name = at->key();
    name.remove_prefix(prefix.size());
    const uint32_t id = TableIdOf(at->value());
    tables_[TableNameOf(name)] = {id, ReadLastKey(id), /*written=*/true};
    next_table_id_ = std::max(next_table_id_, id + 1);
  }
  at->SeekToLast();
  filler_key_ = (at->Valid() ? at->key().ToString() : StateKey("filler")) + '\0';
  ThrowIfBad(at->status(), kReadingIndex);

  std::string epoch;
  const rocksdb::Status status = db.Get({}, store_.index(), EpochKey(), &epoch);
  if (!status.IsNotFound()) ThrowIfBad(status, kReadingIndex);
  epoch_ = status.ok() ? std::optional(DecodeNumber(epoch)) : std::nullopt;
  extent_ = IndexExtent::Read(db, store_.index());
  end_ = extent_ ? extent_->end : Offset(0);
}

std::string RowIndex::ReadLastKey(uint32_t table_id) {
  std::string prefix, behind;
  layout::AppendBigEndian32(prefix, table_id);
  layout::AppendBigEndian32(behind, table_id + 1);
  const std::unique_ptr<rocksdb::Iterator> at(
      store_.db().NewIterator(rocks::ScanOptions(), store_.index()));
  at->SeekForPrev(behind);
  ThrowIfBad(at->status(), kReadingIndex);
  return at->Valid() && at->key().starts_with(prefix) ? at->key().ToString() : std::string();
}

void RowIndex::Open(LogReader& log) {
  if (!Continues(log)) {
    store_.RenewIndex();
    Load();
  }
  Follow(log);
}

bool RowIndex::Continues(LogReader& log) const {
  if (!extent_) return false;
  if (extent_->end == Offset(0)) return tables_.empty();
  if (epoch_ != store_.info().epoch || extent_->end > log.end()) return false;
  // What was folded cannot be looked at. Of keys that were deleted since, the base must tell.
  if (extent_->end <= log.begin()) return extent_->end >= log.OpenBase()->info().deletions_from;
  const Offset last(extent_->end.value() - 1);
  log.Seek(last);
  const std::optional<Frame> frame = log.Next();
  if (!frame || frame->header.base > last) return false;
  return frame->changes[last - frame->header.base].row.fingerprint() == extent_->last;
}

void RowIndex::Follow(LogReader& log) {
  if (end_ < log.begin()) FollowBase(log);
  log.Seek(end_);
  while (const std::optional<Frame> frame = log.Next()) {
    std::vector<Fingerprint> fingerprints;
    for (const Change& change : frame->changes) fingerprints.push_back(change.row.fingerprint());
    AddChanges(frame->tables, frame->changes, fingerprints, frame->header.base);
    ThrowIfBad(MakeRoom(/*wal_bytes=*/0), kWriting);
  }
}

// The base is in key order: as long as not all of it is in, the files' extent means nothing, and
// the epoch says so.
void RowIndex::FollowBase(LogReader& log) {
  constexpr size_t kEntries = 1000;
  from_base_ = true;
  const std::unique_ptr<BaseReader> base = log.OpenBase();
  const Offset from = end_;
  for (;;) {
    std::vector<BaseEntry> entries = base->Next(kEntries);
    if (entries.empty()) break;
    for (BaseEntry& entry : entries) {
      if (entry.offset < from) continue;
      const Fingerprint fingerprint = entry.row.fingerprint();
      const Change change{.op = entry.op,
                          .row = std::move(entry.row),
                          .version = std::move(entry.version),
                          .lineage = entry.lineage};
      AddChanges({entry.table}, {change}, {fingerprint}, entry.offset);
      if (pending_.bytes() >= options_.pending_bytes_max) ThrowIfBad(MakeRoom(0), kWriting);
    }
    ThrowIfBad(MakeRoom(/*wal_bytes=*/0), kWriting);
  }
  end_ = base->info().as_of;
  ThrowIfBad(WritePending(), kWriting);
  from_base_ = false;
  ThrowIfBad(WritePending(), kWriting);  // the epoch
  // Each look at a key that is in a memtable which may still be written to sorts all of it anew.
  ThrowIfBad(Flush(/*wait=*/true), kWriting);
}

void RowIndex::Add(const FrameDraft& draft, Offset base) {
  AddChanges(draft.tables, draft.changes, draft.fingerprints, base);
}

void RowIndex::AddChanges(const std::vector<std::shared_ptr<const TableSchema>>& tables,
                          const std::vector<Change>& changes,
                          const std::vector<Fingerprint>& fingerprints, Offset base) {
  std::vector<Table*> targets;
  for (const auto& table : tables) targets.push_back(&TableOf(table->table));
  for (size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    if (change.op == Op::kMark) continue;
    SYNCLINE_CHECK(change.table < targets.size());
    Table& table = *targets[change.table];
    key_.clear();
    layout::AppendBigEndian32(key_, table.id);
    if (change.op == Op::kDelete) {
      for (const ValueView value : change.row) AppendOrdered(value, key_);
    } else {
      for (const uint32_t column : tables[change.table]->key) {
        AppendOrdered(change.row[column], key_);
      }
    }
    entry_.clear();
    index_entry::Append(fingerprints[i], base + i, change, version_, entry_);
    pending_.Put(key_, entry_);
    if (key_ > table.last) table.last = key_;
  }
  end_ = base + changes.size();
}

RowIndex::Table& RowIndex::TableOf(const TableName& name) {
  const auto [at, is_new] = tables_.try_emplace(name);
  if (is_new) at->second.id = next_table_id_++;
  return at->second;
}

rocksdb::Status RowIndex::MakeRoom(size_t wal_bytes) {
  wal_bytes_ += wal_bytes;
  if (pending_.bytes() >= options_.pending_bytes_max || wal_bytes_ >= options_.wal_bytes_max) {
    const rocksdb::Status status = Write(/*wait=*/false);
    if (!status.ok()) return status;
  }
  return KeepMemtable();
}

rocksdb::Status RowIndex::Close() {
  return pending_.empty() ? rocksdb::Status::OK() : Write(/*wait=*/true);
}

// After a write to the WAL that failed, RocksDB resumes by flushing what is in memtables, and only
// with that goes on to a new WAL file. If there is nothing in any, it goes on writing to the file
// that failed, which its asserts do not forgive; and it is when a memtable has just been flushed,
// and a new WAL file begun, that a full disk shows. So there is always something in this family's
// memtable: the deletion of a key that never was, chosen so that the ranges of two files of a load
// in key order do not overlap.
rocksdb::Status RowIndex::KeepMemtable() {
  uint64_t entries = 0;
  store_.db().GetIntProperty(store_.index(), rocksdb::DB::Properties::kNumEntriesActiveMemTable,
                             &entries);
  if (entries > 0) return rocksdb::Status::OK();
  return store_.db().Delete(NotLogged(), store_.index(), filler_key_);
}

rocksdb::Status RowIndex::Write(bool wait) {
  const rocksdb::Status status = pending_.empty() ? rocksdb::Status::OK() : WritePending();
  if (!status.ok()) return status;
  wal_bytes_ = 0;
  return Flush(wait);
}

rocksdb::Status RowIndex::Flush(bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  options.allow_write_stall = true;
  rocksdb::Status flushed = store_.db().Flush(options, store_.index());
  if (flushed.IsTryAgain()) {  // too many memtables wait already
    options.wait = true;
    flushed = store_.db().Flush(options, store_.index());
  }
  // A flush that was not waited for and fails leaves everything in the memtable, makes the next
  // write fail, and is done again when RocksDB resumes.
  return wait ? flushed : rocksdb::Status::OK();
}

rocksdb::Status RowIndex::WritePending() {
  batch_.Clear();
  const auto put = [&](std::string_view key, std::string_view value) {
    batch_.Put(store_.index(), rocksdb::Slice(key), rocksdb::Slice(value));
  };
  const uint64_t epoch = from_base_ ? kNoEpoch : store_.info().epoch;
  if (epoch_ != epoch) put(EpochKey(), EncodeNumber(epoch));
  for (const auto& [name, table] : tables_) {
    if (!table.written) put(TablePrefix() + name.ToString(), EncodeNumber(table.id));
  }
  const std::vector<PendingEntries::KeyedEntry> entries = pending_.InKeyOrder();
  for (const auto& [key, entry] : entries) put(key, entry);
  const rocksdb::Status status = store_.db().Write(NotLogged(), &batch_);
  if (!status.ok()) return status;
  epoch_ = epoch;
  for (auto& [name, table] : tables_) table.written = true;
  if (!entries.empty()) filler_key_ = std::string(entries.back().key) + '\0';
  pending_.Clear();
  return status;
}

std::vector<std::optional<IndexEntry>> RowIndex::Lookup(const TableName& table,
                                                        const std::vector<Row>& keys) {
  std::vector<std::optional<IndexEntry>> found(keys.size());
  const auto known = tables_.find(table);
  if (known == tables_.end()) return found;

  std::array<std::string, kLookupBatch> texts;
  std::array<size_t, kLookupBatch> places;
  size_t count = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    std::string& text = texts[count];
    text.clear();
    layout::AppendBigEndian32(text, known->second.id);
    for (const ValueView value : keys[i]) AppendOrdered(value, text);
    if (text > known->second.last) continue;
    if (const std::optional<std::string_view> entry = pending_.Find(text)) {
      found[i] = index_entry::Decode(*entry);
      continue;
    }
    places[count++] = i;
    if (count == kLookupBatch)
      LookupBatch(texts.data(), places.data(), std::exchange(count, 0), found);
  }
  LookupBatch(texts.data(), places.data(), count, found);
  return found;
}

// Two streams in key order, the store's and that of what is in memory; where both have a key,
// memory is newer.
std::vector<LoggedKey> RowIndex::NextKeys(const TableName& table, const std::optional<Row>& after,
                                          size_t count) {
  std::vector<LoggedKey> found;
  const auto known = tables_.find(table);
  if (known == tables_.end()) return found;
  std::string prefix;
  layout::AppendBigEndian32(prefix, known->second.id);
  std::string from = prefix;
  if (after) {
    for (const ValueView value : *after) AppendOrdered(value, from);
    from += '\0';  // no key is the beginning of another
  }
  const std::vector<PendingEntries::KeyedEntry> pending = pending_.InKeyOrder();
  auto in_memory = std::ranges::lower_bound(pending, from, {}, &PendingEntries::KeyedEntry::key);
  const std::unique_ptr<rocksdb::Iterator> stored(
      store_.db().NewIterator(rocks::ScanOptions(), store_.index()));
  stored->Seek(from);
  const auto add = [&](std::string_view key, std::string_view entry) {
    IndexEntry state = index_entry::Decode(entry);
    if (state.deleted) return;
    found.push_back({ReadOrdered(key.substr(prefix.size())), std::move(state.version)});
  };
  while (found.size() < count) {
    const bool left_in_store = stored->Valid() && stored->key().starts_with(prefix);
    const bool left_in_memory = in_memory != pending.end() && in_memory->key.starts_with(prefix);
    if (!left_in_store && !left_in_memory) break;
    const int order = !left_in_store    ? 1
                      : !left_in_memory ? -1
                                        : stored->key().ToStringView().compare(in_memory->key);
    if (order < 0) {
      add(stored->key().ToStringView(), stored->value().ToStringView());
    } else {
      add(in_memory->key, in_memory->entry);
      ++in_memory;
    }
    if (order <= 0) stored->Next();
  }
  ThrowIfBad(stored->status(), kReadingIndex);
  return found;
}

void RowIndex::LookupBatch(const std::string* texts, const size_t* places, size_t count,
                           std::vector<std::optional<IndexEntry>>& found) {
  if (count == 0) return;
  const std::vector<rocksdb::Slice> slices(texts, texts + count);
  std::array<rocksdb::PinnableSlice, kLookupBatch> values;
  std::array<rocksdb::Status, kLookupBatch> statuses;
  store_.db().MultiGet({}, store_.index(), count, slices.data(), values.data(), statuses.data());
  for (size_t i = 0; i < count; ++i) {
    if (statuses[i].IsNotFound()) continue;
    ThrowIfBad(statuses[i], kReadingIndex);
    found[places[i]] = index_entry::Decode(values[i].ToStringView());
  }
}

}  // namespace syncline
