#include "engine/log/row_index.h"

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/log/layout.h"
#include "engine/log/ordered_key.h"
#include "engine/log/rocks_options.h"
#include "engine/log/rocks_status.h"

namespace syncline {
namespace {

constexpr char kReading[] = "reading the log's row index";
constexpr char kTablePrefix[] = "\0\0\0\0table/";
constexpr size_t kTablePrefixBytes = sizeof(kTablePrefix) - 1;

// Entry: fingerprint (16 bytes), offset (8), flags (1), then the version as a row of one value.
constexpr size_t kEntryHeadBytes = 16 + 8 + 1;
constexpr char kDeletedFlag = 1;
// MultiGet looks at a batch of keys together; its own limit is 32 keys at a time.
constexpr size_t kLookupBatch = 256;

rocksdb::Slice TablePrefix() { return {kTablePrefix, kTablePrefixBytes}; }

void EncodeEntry(const Fingerprint& fingerprint, Offset offset, bool deleted, ValueView version,
                 Row& scratch, std::string& out) {
  out.clear();
  layout::AppendBigEndian64(out, fingerprint.high);
  layout::AppendBigEndian64(out, fingerprint.low);
  layout::AppendBigEndian64(out, offset.value());
  out += deleted ? kDeletedFlag : '\0';
  scratch.Clear();
  scratch.Append(version);
  out += scratch.bytes();
}

IndexEntry DecodeEntry(const rocksdb::Slice& bytes) {
  if (bytes.size() < kEntryHeadBytes) throw DamageError("an entry of the row index is cut off");
  IndexEntry entry;
  entry.fingerprint = {layout::ReadBigEndian64(bytes.data()),
                       layout::ReadBigEndian64(bytes.data() + 8)};
  entry.offset = Offset(layout::ReadBigEndian64(bytes.data() + 16));
  entry.deleted = bytes[24] == kDeletedFlag;
  const Row version =
      Row::FromBytes(std::string(bytes.data() + kEntryHeadBytes, bytes.size() - kEntryHeadBytes));
  if (version.size() != 1) throw DamageError("an entry of the row index has no version");
  entry.version = Value(version[0]);
  return entry;
}

}  // namespace

RowIndex::RowIndex(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family)
    : db_(db), family_(family) {
  Load();
}

void RowIndex::Load() {
  tables_.clear();
  next_table_id_ = 1;
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocks::ScanOptions(), family_));
  for (at->Seek(TablePrefix()); at->Valid() && at->key().starts_with(TablePrefix()); at->Next()) {
    rocksdb::Slice name = at->key();
    name.remove_prefix(kTablePrefixBytes);
    if (at->value().size() != 8) throw DamageError("a table's id in the row index is cut off");
    const auto id = static_cast<uint32_t>(layout::ReadBigEndian64(at->value().data()));
    tables_[TableName::Parse(name.ToStringView())] = {id, ReadLastKey(id)};
    next_table_id_ = std::max(next_table_id_, id + 1);
  }
  ThrowIfBad(at->status(), kReading);
}

std::string RowIndex::ReadLastKey(uint32_t table_id) {
  std::string prefix, behind;
  layout::AppendBigEndian32(prefix, table_id);
  layout::AppendBigEndian32(behind, table_id + 1);
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocks::ScanOptions(), family_));
  at->SeekForPrev(behind);
  ThrowIfBad(at->status(), kReading);
  return at->Valid() && at->key().starts_with(prefix) ? at->key().ToString() : std::string();
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
    places[count++] = i;
    if (count == kLookupBatch)
      LookupBatch(texts.data(), places.data(), std::exchange(count, 0), found);
  }
  LookupBatch(texts.data(), places.data(), count, found);
  return found;
}

void RowIndex::LookupBatch(const std::string* texts, const size_t* places, size_t count,
                           std::vector<std::optional<IndexEntry>>& found) {
  const std::vector<rocksdb::Slice> slices(texts, texts + count);
  std::array<rocksdb::PinnableSlice, kLookupBatch> values;
  std::array<rocksdb::Status, kLookupBatch> statuses;
  db_.MultiGet({}, family_, count, slices.data(), values.data(), statuses.data());
  for (size_t i = 0; i < count; ++i) {
    if (statuses[i].IsNotFound()) continue;
    ThrowIfBad(statuses[i], kReading);
    found[places[i]] = DecodeEntry(values[i]);
  }
}

RowIndex::Table& RowIndex::StageTable(const TableName& name, rocksdb::WriteBatch& batch) {
  const auto [at, is_new] = tables_.try_emplace(name);
  if (is_new) {
    at->second.id = next_table_id_++;
    std::string id;
    layout::AppendBigEndian64(id, at->second.id);
    batch.Put(family_, TablePrefix().ToString() + name.ToString(), id);
  }
  return at->second;
}

void RowIndex::Stage(const ChangeLog::Draft& draft, Offset base, rocksdb::WriteBatch& batch) {
  std::vector<Table*> tables;
  for (const auto& table : draft.tables) tables.push_back(&StageTable(table->table, batch));
  Row version;
  for (size_t i = 0; i < draft.changes.size(); ++i) {
    const Change& change = draft.changes[i];
    if (change.op == Op::kMark) continue;
    SYNCLINE_CHECK(change.table < tables.size());
    key_.clear();
    Table& table = *tables[change.table];
    layout::AppendBigEndian32(key_, table.id);
    if (change.op == Op::kDelete) {
      for (const ValueView value : change.row) AppendOrdered(value, key_);
    } else {
      for (const uint32_t column : draft.tables[change.table]->key) {
        AppendOrdered(change.row[column], key_);
      }
    }
    EncodeEntry(draft.fingerprints[i], base + i, change.op == Op::kDelete, change.version, version,
                value_);
    batch.Put(family_, key_, value_);
    if (key_ > table.last) table.last = key_;
  }
}

}  // namespace syncline
