#include "engine/log/log_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/log/layout.h"
#include "engine/log/log_folder.h"
#include "engine/log/rocks_options.h"
#include "engine/log/rocks_status.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

Error NotALog(const fs::path& folder) {
  return UsageError(fmt::format("the folder {} holds something else than a log", folder.string()),
                    "choose an empty folder under `log:`, or one that syncline made");
}

// RocksDB tells a taken lock only by its message, and differently for a lock of this very process.
std::optional<Error> LockedError(const rocksdb::Status& status, const fs::path& folder) {
  const std::string text = status.ToString();
  constexpr char kHint[] = "a log has one writer: stop the other one first";
  if (!status.IsIOError()) return {};
  if (text.find("lock hold by current process") != std::string::npos) {
    return EnvironmentError(
        fmt::format("the log in {} is locked by another writer in this process", folder.string()),
        kHint);
  }
  if (text.find("While lock file") == std::string::npos) return {};
  const std::optional<pid_t> holder = log_folder::LockHolder(folder);
  return EnvironmentError(
      fmt::format("the log in {} is locked by another writer{}", folder.string(),
                  holder ? fmt::format(" (process {})", *holder) : std::string()),
      kHint);
}

// The families that are there; a store of another program has others.
std::vector<std::string> ListFamilies(const fs::path& folder, const rocksdb::DBOptions& options) {
  std::vector<std::string> families;
  ThrowIfBad(rocksdb::DB::ListColumnFamilies(options, folder, &families),
             fmt::format("looking at the log in {}", folder.string()));
  const bool known = std::ranges::all_of(families, [](const std::string& name) {
    return name == rocksdb::kDefaultColumnFamilyName || name == layout::kIndexFamily;
  });
  if (!known) throw NotALog(folder);
  return families;
}

LogInfo MakeMeta(rocksdb::DB& db, std::string_view source) {
  const LogInfo info{LogId::Random(), /*epoch=*/1, std::string(source)};
  ThrowIfBad(db.Put(rocks::SyncedWrite(), layout::MetaKey(info.epoch), layout::EncodeMeta(info)),
             "making a new log");
  return info;
}

}  // namespace

std::unique_ptr<LogStore> LogStore::Open(const fs::path& folder, std::string_view source,
                                         uint64_t memtable_bytes) {
  std::unique_ptr<LogStore> store(new LogStore(folder));
  store->memtable_bytes_ = memtable_bytes;
  store->OpenDb(memtable_bytes);
  std::optional<LogInfo> info = store->ReadInfo();
  if (store->index_ == nullptr) store->MakeIndex();
  if (!info) info = MakeMeta(*store->db_, source);
  if (info->source != source) {
    throw UsageError(fmt::format("the log in {} was captured from {}, not from {}", folder.string(),
                                 info->source, source),
                     "choose another folder under `log:` for this source, or check the source's "
                     "URL");
  }
  store->info_ = *std::move(info);
  return store;
}

void LogStore::OpenDb(uint64_t memtable_bytes) {
  const rocksdb::DBOptions options = rocks::WriterOptions(memtable_bytes);
  std::vector<std::string> names = {rocksdb::kDefaultColumnFamilyName};
  switch (log_folder::Inspect(folder_)) {
    case log_folder::State::kOther:
      throw NotALog(folder_);
    case log_folder::State::kAbsent:
      log_folder::Make(folder_);
      break;
    case log_folder::State::kStore:
      names = ListFamilies(folder_, options);
      break;
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) {
    families.emplace_back(name, name == layout::kIndexFamily
                                    ? rocks::IndexOptions(memtable_bytes)
                                    : rocks::FramesOptions(memtable_bytes));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = rocksdb::DB::Open(options, folder_, families, &handles, &db);
  if (std::optional<Error> locked = LockedError(status, folder_)) throw *std::move(locked);
  ThrowIfBad(status, fmt::format("opening the log in {}", folder_.string()));
  db_.reset(db);
  for (size_t i = 0; i < handles.size(); ++i) {
    (names[i] == layout::kIndexFamily ? index_ : frames_) = handles[i];
  }
}

void LogStore::MakeIndex() {
  ThrowIfBad(
      db_->CreateColumnFamily(rocks::IndexOptions(memtable_bytes_), layout::kIndexFamily, &index_),
      fmt::format("making a log in {}", folder_.string()));
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
  for (rocksdb::ColumnFamilyHandle* handle : {frames_, index_}) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
}

}  // namespace syncline
