#include "engine/log/rocks/log_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/base/private_folder.h"
#include "engine/log/folder/log_folder.h"
#include "engine/log/log_damage.h"
#include "engine/log/rocks/log_look.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/log_lock.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

Error NotALog(const fs::path& folder) {
  return UsageError(fmt::format("the folder {} holds something else than a log", folder.string()),
                    "choose an empty folder under `log:`, or one that syncline made");
}

// The families that are there; a store of another program has others.
std::vector<std::string> ListFamilies(const fs::path& folder, const rocksdb::DBOptions& options) {
  std::vector<std::string> families;
  ThrowIfBad(rocksdb::DB::ListColumnFamilies(options, folder, &families),
             fmt::format("looking at the log in {}", folder.string()));
  const bool known = std::ranges::all_of(families, [](const std::string& name) {
    return name == rocksdb::kDefaultColumnFamilyName || name == layout::kIndexFamily ||
           name == layout::kBaseFamily;
  });
  if (!known) throw NotALog(folder);
  return families;
}

// A log has more families than the default one, from its making on.
bool IsLog(const fs::path& folder) { return ListFamilies(folder, {}).size() > 1; }

LogInfo MakeMeta(rocksdb::DB& db, const Mark& mark, std::string_view source) {
  const LogInfo info{mark.log_id, mark.epoch, std::string(source), {{mark.epoch, Offset(0)}}};
  ThrowIfBad(db.Put(rocks::SyncedWrite(), layout::MetaKey(info.epoch), layout::EncodeMeta(info)),
             "making a new log");
  CrashPoint("log.named");
  return info;
}

}  // namespace

std::unique_ptr<LogStore> LogStore::Open(const fs::path& folder, std::string_view source,
                                         uint64_t memtable_bytes) {
  std::unique_ptr<LogStore> store(new LogStore(folder));
  store->memtable_bytes_ = memtable_bytes;
  store->LookBeforeOpening();
  store->OpenDb();
  std::optional<LogInfo> info = store->ReadInfo();
  if (store->index_ == nullptr) store->MakeIndex();
  if (store->base_ == nullptr) {
    store->base_ = store->MakeFamily(layout::kBaseFamily, rocks::BaseOptions(memtable_bytes));
  }
  if (!info) CrashPoint("log.made");
  if (!info) info = MakeMeta(*store->db_, store->mark_, source);
  if (info->id != store->mark_.log_id || info->epoch != store->mark_.epoch) {
    throw LogDamage(fmt::format("the durable mark in {} is another log's", folder.string()));
  }
  if (info->source != source) {
    throw UsageError(fmt::format("the log in {} was captured from {}, not from {}", folder.string(),
                                 info->source, source),
                     "choose another folder under `log:` for this source, or check the source's "
                     "URL");
  }
  store->info_ = *std::move(info);
  return store;
}

void LogStore::LookBeforeOpening() {
  using log_folder::State;
  const State state = log_folder::Inspect(folder_);
  if (state == State::kOther) throw NotALog(folder_);
  const fs::path path = log_folder::MarkPath(folder_);
  CheckParentOf(folder_);
  // Another program's store has no mark, and keeps its permissions.
  std::error_code ignored;
  const bool has_mark = fs::exists(fs::symlink_status(path, ignored));
  if (has_mark || (state == State::kEmpty && fs::exists(folder_, ignored))) TightenFolder(folder_);
  if (const std::optional<Mark> mark = ReadMark(path)) {
    hold_ = std::make_unique<FolderHold>(folder_);
    mark_ = *mark;
    if (mark_.next == Offset(0)) return;  // nothing to lose: it may be in the making
    if (state != State::kStore) throw log_folder::IncompleteError(folder_);
    const LogLock lock(folder_);
    LookForHoles(folder_, mark_);
    return;
  }
  if (state != State::kEmpty) {
    if (state == State::kStore && !IsLog(folder_)) throw NotALog(folder_);
    throw log_folder::IncompleteError(folder_);
  }
  if (log_folder::Inspect(log_folder::RepairPath(folder_)) != State::kEmpty) {
    throw DamageError(fmt::format("a repair of the log in {} was cut off", folder_.string()),
                      "run `syncline log repair` again: it goes on");
  }
  log_folder::Make(folder_);
  hold_ = std::make_unique<FolderHold>(folder_);
  mark_ = {.log_id = LogId::Random(), .epoch = 1};
  MarkFile::Open(path, mark_);
}

void LogStore::OpenDb() {
  const rocksdb::DBOptions options = rocks::WriterOptions(memtable_bytes_);
  std::vector<std::string> names = {rocksdb::kDefaultColumnFamilyName};
  if (log_folder::Inspect(folder_) == log_folder::State::kStore) {
    names = ListFamilies(folder_, options);
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) {
    families.emplace_back(name, name == layout::kIndexFamily ? rocks::IndexOptions(memtable_bytes_)
                                : name == layout::kBaseFamily
                                    ? rocks::BaseOptions(memtable_bytes_)
                                    : rocks::FramesOptions(memtable_bytes_));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = rocksdb::DB::Open(options, folder_, families, &handles, &db);
  if (std::optional<Error> locked = LockedError(status, folder_)) throw *std::move(locked);
  ThrowIfBad(status, fmt::format("opening the log in {}", folder_.string()));
  db_.reset(db);
  for (size_t i = 0; i < handles.size(); ++i) {
    (names[i] == layout::kIndexFamily  ? index_
     : names[i] == layout::kBaseFamily ? base_
                                       : frames_) = handles[i];
  }
}

rocksdb::ColumnFamilyHandle* LogStore::MakeFamily(const char* name,
                                                  const rocksdb::ColumnFamilyOptions& options) {
  rocksdb::ColumnFamilyHandle* family = nullptr;
  ThrowIfBad(db_->CreateColumnFamily(options, name, &family),
             fmt::format("making a log in {}", folder_.string()));
  return family;
}

void LogStore::MakeIndex() {
  index_ = MakeFamily(layout::kIndexFamily, rocks::IndexOptions(memtable_bytes_));
}

// A crash in between leaves a store without the family, which Open makes.
void LogStore::RenewIndex() {
  ThrowIfBad(db_->DropColumnFamily(index_),
             fmt::format("dropping the row index of the log in {}", folder_.string()));
  db_->DestroyColumnFamilyHandle(std::exchange(index_, nullptr));
  MakeIndex();
}

std::optional<LogInfo> LogStore::ReadInfo() {
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(rocks::ScanOptions()));
  std::optional<LogInfo> info = layout::ReadMeta(*iterator);
  if (info) return info;
  iterator->SeekToFirst();
  if (iterator->Valid()) throw NotALog(folder_);
  ThrowIfBad(iterator->status(), fmt::format("reading the log in {}", folder_.string()));
  return {};
}

LogStore::~LogStore() {
  for (rocksdb::ColumnFamilyHandle* handle : {frames_, index_, base_}) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
}

}  // namespace syncline
