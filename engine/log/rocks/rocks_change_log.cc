#include "engine/log/rocks/rocks_change_log.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/log/big_endian.h"
#include "engine/log/folder/log_folder.h"
#include "engine/log/log_damage.h"
#include "engine/log/rocks/base_writer.h"
#include "engine/log/rocks/chain_reader.h"
#include "engine/log/rocks/log_backup.h"
#include "engine/log/rocks/log_entry.h"
#include "engine/log/rocks/primary_view.h"
#include "engine/log/rocks/rocks_retention.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

// Guards every entry against being changed between here and the disk (RocksDB checks it at each
// step).
constexpr size_t kProtectionBytesPerKey = 8;

// The index lets WAL files go when so many memtables' bytes of frames have been written; below
// RocksDB's own bound (rocks_options.cc), which would leave its memtable empty.
constexpr uint64_t kMemtablesOfWal = 2;

}  // namespace

RocksChangeLog::RocksChangeLog(std::unique_ptr<LogStore> store, Clock& clock,
                               const RocksLogOptions& options)
    : store_(std::move(store)),
      clock_(clock),
      compression_(options.compression),
      schemas_(ReadSchemaIds()),
      cursors_(*store_),
      tail_(ReadTail()),
      prepared_(ReadPrepared()),
      batch_(/*reserved_bytes=*/0, /*max_bytes=*/0, kProtectionBytesPerKey, /*default_cf_ts_sz=*/0),
      end_(MarkFile::Open(log_folder::MarkPath(store_->folder()), store_->mark()), FirstMark(),
           clock),
      index_(*store_, {.pending_bytes_max = options.index_pending_bytes,
                       .wal_bytes_max = kMemtablesOfWal * options.memtable_bytes}) {
  index_.Open(*RocksChangeLog::NewReader());
}

// What the store holds is durable once it has been opened for writing: RocksDB flushes what it
// found in the WAL.
Mark RocksChangeLog::FirstMark() const {
  Mark mark = store_->mark();
  if (tail_.next < mark.next) {
    throw LogDamage(fmt::format("the log in {} ends at offset {}, but was acknowledged up to {}",
                                store_->folder().string(), tail_.next.value(), mark.next.value()));
  }
  const Offset begin = BaseWriter(store_->db(), store_->base()).info().as_of;
  if (begin < mark.begin) {
    throw LogDamage(
        fmt::format("the base of the log in {} ends at offset {}, but the frames begin "
                    "at {}",
                    store_->folder().string(), begin.value(), mark.begin.value()));
  }
  // A pass of retention that was cut off may have left it where the log cannot begin.
  const std::unique_ptr<rocksdb::Iterator> at(store_->db().NewIterator(rocks::ScanOptions()));
  if (MayBeginAt(*at, begin, info())) mark.begin = begin;
  mark.next = tail_.next;
  mark.hash = tail_.hash;
  return mark;
}

RocksChangeLog::~RocksChangeLog() {
  SYNCLINE_CHECK_EQ(readers_.load(), 0);
  if (suspect_) return;
  // What cannot be written is read from the frames again.
  index_.Close().PermitUncheckedError();
}

RocksChangeLog::Tail RocksChangeLog::ReadTail() {
  const std::string reading = fmt::format("reading the log in {}", store_->folder().string());
  rocksdb::DB& db = store_->db();
  Tail tail;
  std::optional<FrameHeader> last;
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(rocks::ScanOptions()));
  at->SeekForPrev(rocksdb::Slice(layout::kAfterFrames));
  ThrowIfBad(at->status(), reading);
  if (at->Valid()) {
    last =
        DecodeEntry(OpenEntry(at->key().ToStringView(), at->value().ToStringView(), store_->info()))
            .header;
    tail = {last->end(), last->hash, !last->closes_cut};
  }
  cursors_.Read(last);
  return tail;
}

std::unordered_set<SchemaId> RocksChangeLog::ReadSchemaIds() {
  std::unordered_set<SchemaId> ids;
  const std::unique_ptr<rocksdb::Iterator> at(store_->db().NewIterator(rocks::ScanOptions()));
  for (at->Seek(rocksdb::Slice(layout::kSchemaPrefix)); at->Valid(); at->Next()) {
    const std::optional<SchemaId> id = layout::ParseSchemaKey(at->key().ToStringView());
    if (!id) break;
    ids.insert(*id);
  }
  ThrowIfBad(at->status(), fmt::format("reading the log in {}", store_->folder().string()));
  return ids;
}

std::optional<std::string> RocksChangeLog::Get(std::string_view key) {
  std::string bytes;
  const rocksdb::Status status = store_->db().Get({}, store_->frames(), key, &bytes);
  if (status.IsNotFound()) return {};
  ThrowIfBad(status, fmt::format("reading the log in {}", store_->folder().string()));
  return bytes;
}

std::optional<RocksChangeLog::Prepared> RocksChangeLog::ReadPrepared() {
  const std::optional<std::string> bytes = Get(layout::kPreparedKey);
  if (!bytes) return {};
  Prepared prepared;
  std::string_view left = *bytes;
  for (std::string* const text : {&prepared.name, &prepared.token}) {
    const uint64_t size = left.size() < 8 ? 0 : layout::ReadBigEndian64(left.data());
    if (left.size() < 8 || size > left.size() - 8) {
      throw LogDamage("the log's prepared frame is cut off");
    }
    *text = left.substr(8, size);
    left.remove_prefix(8 + size);
  }
  EncodedFrame entry(left);
  for (const SchemaId id : entry.header().schemas) {
    const std::optional<std::string> schema = Get(layout::SchemaKey(id));
    if (!schema) throw LogDamage("a schema of the log's prepared frame is missing");
    prepared.draft.tables.push_back(
        std::make_shared<TableSchema>(layout::DecodeSchemaRecord(id, *schema)));
  }
  Frame frame = std::move(entry).Decode(prepared.draft.tables);
  for (const Change& change : frame.changes) {
    prepared.draft.fingerprints.push_back(change.row.fingerprint());
  }
  prepared.draft.changes = std::move(frame.changes);
  return prepared;
}

std::optional<std::string> RocksChangeLog::applied(const std::string& name) {
  return Get(std::string(layout::kAppliedPrefix) + name);
}

void RocksChangeLog::CheckAfterFailure() {
  if (!suspect_) return;
  const rocksdb::Status status = store_->db().Resume();
  // RocksDB is mending itself, which it does every 5 seconds while a disk is full.
  if (status.IsBusy() && failure_) throw *failure_;
  ThrowIfBad(status, fmt::format("writing to the log in {}", store_->folder().string()));
  Tail tail = ReadTail();
  schemas_ = ReadSchemaIds();
  prepared_ = ReadPrepared();
  if (tail.next != end_.mark().next) {
    ThrowIfBad(store_->db().SyncWAL(), "syncing the log");
    end_.MoveNext(tail.next, tail.hash);
  }
  index_.Follow(*NewReader());
  const bool moved = tail.next != tail_.next;
  tail_ = std::move(tail);
  suspect_ = false;
  failure_.reset();
  if (!moved) return;
  throw RestartError(fmt::format(
      "a frame whose writing failed is in the log after all; the log now ends at offset {}",
      tail_.next.value()));
}

void RocksChangeLog::StageSchemas(const FrameDraft& draft, std::vector<SchemaId>& ids) {
  for (const auto& table : draft.tables) {
    ids.push_back(table->id());
    if (schemas_.insert(ids.back()).second) {
      batch_.Put(layout::SchemaKey(ids.back()), EncodeSchema(*table));
    }
  }
}

// Whoever spends less time on finding changes than on appending them waits for the log. In a load
// that also has to share the processors with what applies it, nobody seems to.
Compression RocksChangeLog::ChooseCompression(bool bulk, Microseconds now) const {
  if (compression_) return *compression_;
  if (bulk) return Compression::kFast;
  const bool waits = now - append_ended_ < append_ended_ - append_began_;
  return waits ? Compression::kFast : Compression::kSmall;
}

Offset RocksChangeLog::Append(FrameDraft draft) { return AppendFrame(std::move(draft), nullptr); }

Offset RocksChangeLog::AppendFrame(FrameDraft draft, const Prepared* confirms) {
  SYNCLINE_CHECK(!draft.changes.empty());
  SYNCLINE_CHECK_EQ(draft.changes.size(), draft.fingerprints.size());
  CheckAfterFailure();

  const Microseconds began = clock_.Monotonic();
  batch_.Clear();
  suspect_ = true;  // until it is written: staging changes schemas_
  FrameHeader header = HeaderFor(draft);
  cursors_.PutInto(header, std::move(draft.cursor), tail_.cut_open);
  if (confirms != nullptr) {
    batch_.Delete(store_->frames(), layout::kPreparedKey);
    batch_.Put(store_->frames(), std::string(layout::kAppliedPrefix) + confirms->name,
               confirms->token);
  }
  batch_.Put(store_->frames(), layout::FrameKey(header.base),
             encoder_.Encode(header, draft.changes, ChooseCompression(draft.bulk, began)));
  CrashPoint("append.before_write");
  Write(/*synced=*/true, "writing to");
  CrashPoint("append.before_publish");

  suspect_ = true;  // until everybody knows
  if (confirms != nullptr) prepared_.reset();
  end_.MoveNext(header.end(), header.hash);
  index_.Add(draft, header.base);
  suspect_ = false;
  cursors_.Appended(header);
  tail_ = {header.end(), header.hash, !header.closes_cut};
  append_began_ = began;
  append_ended_ = clock_.Monotonic();
  CrashPoint("append.published");
  return header.base;
}

// Its schemas are staged.
FrameHeader RocksChangeLog::HeaderFor(const FrameDraft& draft) {
  FrameHeader header{.log_id = info().id,
                     .epoch = info().epoch,
                     .base = tail_.next,
                     .previous_hash = tail_.hash,
                     .written_at = clock_.Now(),
                     .closes_cut = draft.closes_cut};
  StageSchemas(draft, header.schemas);
  return header;
}

std::map<std::string, std::string> RocksChangeLog::all_applied() {
  std::map<std::string, std::string> all;
  const std::unique_ptr<rocksdb::Iterator> at(store_->db().NewIterator(rocks::ScanOptions()));
  const rocksdb::Slice prefix(layout::kAppliedPrefix);
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    rocksdb::Slice name = at->key();
    name.remove_prefix(prefix.size());
    all[name.ToString()] = at->value().ToString();
  }
  ThrowIfBad(at->status(), fmt::format("reading the log in {}", store_->folder().string()));
  return all;
}

void RocksChangeLog::NoteApplied(const std::string& name, const std::string& token) {
  CheckAfterFailure();
  batch_.Clear();
  const std::string key = std::string(layout::kAppliedPrefix) + name;
  if (token.empty()) {
    batch_.Delete(store_->frames(), key);
  } else {
    batch_.Put(store_->frames(), key, token);
  }
  Write(/*synced=*/false, "noting what was applied in");
}

void RocksChangeLog::Prepare(FrameDraft draft, const std::string& name, const std::string& token) {
  SYNCLINE_CHECK(!draft.changes.empty());
  CheckAfterFailure();
  batch_.Clear();
  suspect_ = true;  // as in Append
  FrameHeader header = HeaderFor(draft);
  std::string value;
  for (const std::string& text : {name, token}) {
    layout::AppendBigEndian64(value, text.size());
    value += text;
  }
  value += encoder_.Encode(header, draft.changes, Compression::kFast);
  batch_.Put(store_->frames(), layout::kPreparedKey, value);
  Write(/*synced=*/true, "preparing a frame for");
  prepared_ = Prepared{name, token, std::move(draft)};
}

std::optional<std::string> RocksChangeLog::prepared() {
  CheckAfterFailure();
  return prepared_ ? std::optional(prepared_->token) : std::nullopt;
}

// After a failure what is in the store is read again: nothing is lost by taking the draft.
void RocksChangeLog::AppendPrepared() {
  CheckAfterFailure();
  SYNCLINE_CHECK(prepared_.has_value());
  FrameDraft draft = std::move(prepared_->draft);
  draft.cursor = cursor();
  AppendFrame(std::move(draft), &*prepared_);
}

void RocksChangeLog::DropPrepared() {
  CheckAfterFailure();
  if (!prepared_) return;
  batch_.Clear();
  batch_.Delete(store_->frames(), layout::kPreparedKey);
  Write(/*synced=*/true, "dropping a prepared frame of");
  prepared_.reset();
}

void RocksChangeLog::SaveCursor(std::string cursor) {
  CheckAfterFailure();
  batch_.Clear();
  cursors_.StageSave(cursor, tail_.next, batch_);
  Write(/*synced=*/false, "saving a cursor in");
  CrashPoint("cursor.saved");
  cursors_.Saved(std::move(cursor));
}

void RocksChangeLog::Write(bool synced, std::string_view doing) {
  rocksdb::WriteOptions options;
  options.sync = synced;
  // What can fail comes before the write that makes the frame a part of the log.
  CheckWritten(index_.MakeRoom(batch_.GetDataSize()), "writing the row index of");
  CheckWritten(store_->db().Write(options, &batch_), doing);
}

void RocksChangeLog::CheckWritten(const rocksdb::Status& status, std::string_view doing) {
  suspect_ = !status.ok();
  if (!suspect_) return;
  failure_ = ToError(status, fmt::format("{} the log in {}", doing, store_->folder().string()));
  throw *failure_;
}

std::vector<std::optional<IndexEntry>> RocksChangeLog::Lookup(const TableName& table,
                                                              const std::vector<Row>& keys) {
  CheckAfterFailure();
  return index_.Lookup(table, keys);
}

std::vector<LoggedKey> RocksChangeLog::NextKeys(const TableName& table,
                                                const std::optional<Row>& after, size_t count) {
  CheckAfterFailure();
  return index_.NextKeys(table, after, count);
}

std::unique_ptr<Retention> RocksChangeLog::NewRetention(const RetentionPolicy& policy) {
  return std::make_unique<RocksRetention>(*store_, end_, NewReader(), NewReader(), policy, clock_);
}

LogWriteStats RocksChangeLog::write_stats() const {
  constexpr double kGiB = 1u << 30;
  LogWriteStats stats;
  std::map<std::string, std::string> of_store;
  store_->db().GetMapProperty(rocksdb::DB::Properties::kDBStats, &of_store);
  stats.wal_bytes = std::stoull(of_store.at("db.wal_bytes_written"));
  for (rocksdb::ColumnFamilyHandle* family : {store_->frames(), store_->index(), store_->base()}) {
    std::map<std::string, std::string> of_family;
    store_->db().GetMapProperty(family, rocksdb::DB::Properties::kCFStats, &of_family);
    stats.file_bytes +=
        static_cast<uint64_t>(kGiB * std::stod(of_family.at("compaction.Sum.WriteGB")));
  }
  return stats;
}

LogBackup RocksChangeLog::Backup(const std::filesystem::path& into, std::stop_token stop) {
  const std::lock_guard lock(store_->dropping());
  return BackupStore(*store_, end_.mark(), into, std::move(stop));
}

std::unique_ptr<LogReader> RocksChangeLog::NewReader() {
  return std::make_unique<ChainReader>(std::make_unique<PrimaryView>(*store_, end_, readers_));
}

}  // namespace syncline
