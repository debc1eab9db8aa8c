#include "engine/log/rocks/log_look.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "engine/log/folder/log_folder.h"
#include "engine/log/log_damage.h"
#include "engine/log/rocks/log_entry.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_status.h"
#include "engine/log/store/store_reader.h"

namespace syncline {
namespace {

// Where the files begin that hold frames.
std::set<Offset> BordersOf(StoreReader& store) {
  std::vector<rocksdb::LiveFileMetaData> files;
  store.db().GetLiveFilesMetaData(&files);
  std::set<Offset> borders;
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (file.column_family_name != rocksdb::kDefaultColumnFamilyName) continue;
    if (const auto first = layout::ParseFrameKey(file.smallestkey)) borders.insert(*first);
  }
  return borders;
}

FrameHeader Decode(const rocksdb::Iterator& at, const LogInfo& info) {
  return OpenEntry(at.key().ToStringView(), at.value().ToStringView(), info).header();
}

Error Missing(Offset from, Offset to) {
  return LogDamage(
      fmt::format("the frames from offset {} to {} are missing", from.value(), to.value()));
}

void CheckBorder(rocksdb::Iterator& at, Offset border, const Mark& mark, const LogInfo& info) {
  at.SeekForPrev(layout::FrameKey(Offset(border.value() - 1)));
  ThrowIfBad(at.status(), fmt::format("reading the log before offset {}", border.value()));
  const Offset end = at.Valid() ? Decode(at, info).end() : mark.begin;
  if (end != border) throw Missing(end, border);
}

// From the frame at `from` to the one that was acknowledged last.
void WalkTail(rocksdb::Iterator& at, Offset from, const Mark& mark, const LogInfo& info) {
  Offset end = from;
  std::optional<uint64_t> hash;
  for (at.Seek(layout::FrameKey(from)); end < mark.next; at.Next()) {
    ThrowIfBad(at.status(), fmt::format("reading the log at offset {}", end.value()));
    if (!at.Valid() || at.key().ToStringView() >= layout::kAfterFrames) {
      throw LogDamage(fmt::format("the log ends at offset {}, but was acknowledged up to {}",
                                  end.value(), mark.next.value()));
    }
    const FrameHeader header = Decode(at, info);
    if (header.base != end) throw Missing(end, header.base);
    if (hash && header.previous_hash != *hash) {
      throw LogDamage(fmt::format("the frame at offset {} does not continue the frame before it",
                                  header.base.value()));
    }
    end = header.end();
    hash = header.hash;
  }
  if (end != mark.next || (mark.hash != 0 && hash && *hash != mark.hash)) {
    throw LogDamage(fmt::format("the frame before offset {} is not the one that was acknowledged",
                                end.value()));
  }
}

}  // namespace

void LookForHoles(const std::filesystem::path& folder, const Mark& mark) {
  StoreReader store(folder);
  const auto at = store.NewIterator(rocksdb::kDefaultColumnFamilyName);
  const std::optional<LogInfo> info = layout::ReadMeta(*at);
  if (!info) throw log_folder::IncompleteError(folder);
  if (mark.log_id != info->id || mark.epoch != info->epoch) {
    throw LogDamage(fmt::format("the durable mark in {} is another log's", folder.string()));
  }
  Offset last = mark.begin;
  for (const Offset border : BordersOf(store)) {
    if (border <= mark.begin || border >= mark.next) continue;
    CheckBorder(*at, border, mark, *info);
    last = border;
  }
  WalkTail(*at, last, mark, *info);
}

}  // namespace syncline
