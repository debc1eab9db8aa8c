#include "engine/log/care/log_salvage.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/private_folder.h"
#include "engine/log/folder/log_folder.h"
#include "engine/log/rocks/cursor_chain.h"
#include "engine/log/rocks/log_entry.h"
#include "engine/log/store/base_layout.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSalvageMemtable = 16u << 20;

// Takes away what a salvage has made there, and nothing else.
void RemoveCopy(const fs::path& copy) {
  if (fs::exists(copy / log_folder::kSalvageName)) fs::remove_all(copy);
}

// The store's files under another name: what RocksDB never changes is linked, the rest copied.
// Throws EnvironmentError for a folder of that name that no salvage has made.
void CopyStore(const fs::path& from, const fs::path& to) {
  RemoveCopy(to);
  log_folder::RemoveIfEmpty(to);
  MakePrivateFolder(to);
  const file::Descriptor sign(MakePrivateFile(to / log_folder::kSalvageName));
  if (sign.get() < 0) {
    throw EnvironmentError(
        fmt::format("making a file in {}: {}", to.string(), std::strerror(errno)));
  }
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path name = entry.path().filename();
    if (!entry.is_regular_file() || name == "LOCK") continue;
    std::error_code error = std::make_error_code(std::errc::not_supported);
    if (name.extension() == ".sst") fs::create_hard_link(entry.path(), to / name, error);
    if (error) fs::copy_file(entry.path(), to / name);
  }
}

std::optional<Mark> ReadMarkIfWhole(const fs::path& folder) {
  try {
    return ReadMark(log_folder::MarkPath(folder));
  } catch (const Error& error) {
    if (error.reaction() != Reaction::kDamage) throw;
    return {};
  }
}

using Schemas = std::map<SchemaId, std::shared_ptr<const TableSchema>>;

// The schemas that can be read.
Schemas ReadSchemas(rocksdb::Iterator& at) {
  Schemas schemas;
  for (at.Seek(rocksdb::Slice(layout::kSchemaPrefix)); at.Valid(); at.Next()) {
    const std::optional<SchemaId> id = layout::ParseSchemaKey(at.key().ToStringView());
    if (!id) break;
    try {
      schemas[*id] = std::make_shared<const TableSchema>(
          layout::DecodeSchemaRecord(*id, at.value().ToStringView()));
    } catch (const Error&) {
      // The frames that need it are not whole.
    }
  }
  return schemas;
}

// The frame's header, if all of the frame is whole.
std::optional<FrameHeader> HeaderOfWhole(const rocksdb::Iterator& at, const LogInfo& info,
                                         const Schemas& schemas) {
  try {
    EncodedFrame entry = OpenEntry(at.key().ToStringView(), at.value().ToStringView(), info);
    EncodedFrame::Tables tables;
    for (const SchemaId id : entry.header().schemas) {
      const auto schema = schemas.find(id);
      if (schema == schemas.end()) return {};
      tables.push_back(schema->second);
    }
    return DecodeEntry(std::move(entry), std::move(tables)).header;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

LogSalvage::LogSalvage(const fs::path& folder)
    : folder_(folder),
      copy_(log_folder::SalvagePath(fs::absolute(folder).lexically_normal())),
      mark_(ReadMarkIfWhole(folder)) {
  if (!mark_ && log_folder::Inspect(folder_) == log_folder::State::kEmpty) {
    throw EnvironmentError(fmt::format("there is no log in {}", folder.string()));
  }
  const bool opened = Open(folder_);
  const Offset reached = opened ? Walk([](auto&&...) { return true; }) : Offset(0);
  if (opened && mark_ && reached >= mark_->next) return;
  if (opened && !mark_) {
    // Whether that is all nobody knows; a store that opens knows its files.
    return;
  }
  std::unique_ptr<StoreReader> direct = std::move(store_);
  const LogInfo direct_info = info_;
  Rebuild();
  const bool rebuilt = Open(copy_);
  if (rebuilt && (!opened || Walk([](auto&&...) { return true; }) > reached)) return;
  if (!opened) {
    throw DamageError(
        fmt::format("nothing can be read of the log in {}: neither its store nor what RocksDB "
                    "makes of its files has a meta record",
                    folder_.string()),
        "restore the folder from a backup, or capture into a new one");
  }
  store_ = std::move(direct);
  info_ = direct_info;
}

LogSalvage::~LogSalvage() {
  store_.reset();
  try {
    RemoveCopy(copy_);
  } catch (const fs::filesystem_error&) {
    // The next one takes it away.
  }
}

// False when the store cannot be opened, or is not that of a log.
bool LogSalvage::Open(const fs::path& folder) {
  store_.reset();
  try {
    store_ = std::make_unique<StoreReader>(folder);
    const auto at = store_->NewIterator(rocksdb::kDefaultColumnFamilyName);
    std::optional<LogInfo> info = layout::ReadMeta(*at);
    if (!info) return false;
    info_ = *std::move(info);
    if (mark_ && mark_->log_id != info_.id) mark_.reset();
    ReadBase();
    begin_ = mark_ ? mark_->begin : FindBegin();
    return true;
  } catch (const Error& error) {
    if (error.cause() == Cause::kEnvironment) throw;
    return false;
  }
}

void LogSalvage::ReadBase() {
  base_end_ = Offset(0);
  if (!store_->families().contains(layout::kBaseFamily)) return;
  const auto at = store_->NewIterator(layout::kBaseFamily);
  at->Seek(base::kRecordKey);
  ThrowIfBad(at->status(), "reading the log's base");
  if (!at->Valid() || at->key() != base::kRecordKey) return;
  base_end_ = base::DecodeRecord(at->value().ToStringView()).info.as_of;
}

// Without a mark: the last place in the folded part where the log can begin, or its end.
Offset LogSalvage::FindBegin() {
  const auto at = store_->NewIterator(rocksdb::kDefaultColumnFamilyName);
  try {
    if (MayBeginAt(*at, base_end_, info_)) return base_end_;
    for (at->SeekForPrev(layout::FrameKey(base_end_)); at->Valid(); at->Prev()) {
      const EncodedFrame entry =
          OpenEntry(at->key().ToStringView(), at->value().ToStringView(), info_);
      if (entry.header().has_whole_cursor()) return entry.header().base;
    }
  } catch (const Error&) {
    // A frame that is not whole: what is behind it is not, either.
  }
  return base_end_;
}

void LogSalvage::Rebuild() {
  CopyStore(folder_, copy_);
  const rocksdb::ColumnFamilyOptions family = rocks::FramesOptions(kSalvageMemtable);
  // What it says does not matter: what is there afterwards does.
  rocksdb::RepairDB(copy_, rocks::WriterOptions(kSalvageMemtable),
                    {{rocksdb::kDefaultColumnFamilyName, family}}, family)
      .PermitUncheckedError();
}

Offset LogSalvage::Walk(const Take& take) {
  Offset end = begin_;
  std::optional<uint64_t> hash;
  if (begin_ == Offset(0)) hash = 0;
  const auto at = store_->NewIterator(rocksdb::kDefaultColumnFamilyName);
  const Schemas schemas = ReadSchemas(*at);
  for (at->Seek(layout::FrameKey(begin_)); at->Valid(); at->Next()) {
    if (at->key().ToStringView() >= layout::kAfterFrames) break;
    const std::optional<FrameHeader> header = HeaderOfWhole(*at, info_, schemas);
    if (!header || header->base != end || (hash && header->previous_hash != *hash)) break;
    if (!take(*header, at->key(), at->value())) break;
    end = header->end();
    hash = header->hash;
  }
  return end;
}

}  // namespace syncline
