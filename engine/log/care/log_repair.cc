#include "engine/log/care/log_repair.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/write_batch.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/private_folder.h"
#include "engine/log/care/log_salvage.h"
#include "engine/log/folder/consumers.h"
#include "engine/log/folder/log_folder.h"
#include "engine/log/folder/mark.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/log_lock.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kRepairMemtable = 16u << 20;

// A store that is being filled. Nothing in it is durable before Finish.
class NewStore {
 public:
  explicit NewStore(const fs::path& folder) : building_("building " + folder.string()) {
    rocksdb::DB* db = nullptr;
    ThrowIfBad(rocksdb::DB::Open(
                   {rocks::WriterOptions(kRepairMemtable), rocks::FramesOptions(kRepairMemtable)},
                   folder, &db),
               building_);
    db_.reset(db);
    ThrowIfBad(
        db_->CreateColumnFamily(rocks::BaseOptions(kRepairMemtable), layout::kBaseFamily, &base_),
        building_);
    quick_.disableWAL = true;
  }
  ~NewStore() {
    if (base_ != nullptr) db_->DestroyColumnFamilyHandle(base_);
  }

  void Put(const rocksdb::Slice& key, const rocksdb::Slice& value) {
    ThrowIfBad(db_->Put(quick_, key, value), building_);
  }

  // All of another store's base.
  void CopyBase(StoreReader& from) {
    if (!from.families().contains(layout::kBaseFamily)) return;
    const auto at = from.NewIterator(layout::kBaseFamily);
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      ThrowIfBad(db_->Put(quick_, base_, at->key(), at->value()), building_);
    }
    ThrowIfBad(at->status(), "reading the log's base");
  }

  void Finish() {
    ThrowIfBad(db_->Flush({}, {db_->DefaultColumnFamily(), base_}), building_);
    db_->DestroyColumnFamilyHandle(std::exchange(base_, nullptr));
    ThrowIfBad(db_->Close(), building_);
  }

 private:
  const std::string building_;
  rocksdb::WriteOptions quick_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* base_ = nullptr;  // given back before db_ goes
};

class Repair {
 public:
  Repair(const fs::path& folder, Clock& clock)
      : folder_(fs::absolute(folder).lexically_normal()),
        draft_(log_folder::RepairPath(folder)),
        clock_(clock) {}

  LogRepair Run(Offset truncate_at) {
    const bool there = log_folder::Inspect(folder_) != log_folder::State::kEmpty;
    if (!there && !DraftIsComplete()) {
      throw EnvironmentError(fmt::format("there is no log in {}", folder_.string()));
    }
    if (there) TightenFolder(folder_);
    if (DraftIsNew()) TightenFolder(draft_);
    const LogLock lock(there ? folder_ : draft_);
    if (FinishEarlier()) {
      const LogSalvage now(folder_);
      return {now.info(), now.mark() ? now.mark()->next : Offset(0), kept_, true};
    }
    LogRepair done;
    try {
      done = Build(truncate_at);
    } catch (...) {
      std::error_code ignored;
      fs::remove_all(draft_, ignored);
      throw;
    }
    Exchange();
    TidyUp();
    done.kept = kept_;
    return done;
  }

 private:
  fs::path NewNameForDamaged() const {
    const std::time_t now = std::chrono::system_clock::to_time_t(clock_.Now());
    std::tm utc;
    ::gmtime_r(&now, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
    std::string name = folder_.string() + log_folder::kDamagedSuffix + text;
    for (int i = 2; fs::exists(name); ++i) {
      name = fmt::format("{}{}{}-{}", folder_.string(), log_folder::kDamagedSuffix, text, i);
    }
    return name;
  }

  // The new log is the folder with the file "repair" in it, and complete once it has its mark.
  bool DraftIsNew() const { return fs::exists(draft_ / log_folder::kRepairName); }
  bool DraftIsComplete() const { return DraftIsNew() && fs::exists(log_folder::MarkPath(draft_)); }

  // Called with the lock; false if there is nothing to finish.
  bool FinishEarlier() {
    if (!fs::exists(folder_)) {
      Move(draft_, folder_);
    } else if (DraftIsNew()) {
      fs::remove_all(draft_);
    }
    if (fs::exists(folder_ / log_folder::kRepairName)) {
      TidyUp();
      return true;
    }
    log_folder::RemoveIfEmpty(draft_);  // where not even the sign is in it
    return false;
  }

  LogRepair Build(Offset truncate_at) {
    LogSalvage salvage(folder_);
    MakePrivateFolder(draft_);
    MakeSign();
    NewStore store(draft_);

    LogInfo info = salvage.info();
    if (salvage.mark()) info.epoch = std::max(info.epoch, salvage.mark()->epoch);
    info.epoch += 1;
    info.begins[info.epoch] = truncate_at;
    Mark mark{
        .log_id = info.id, .epoch = info.epoch, .begin = salvage.begin(), .next = truncate_at};
    mark.hash = CopyFrames(salvage, truncate_at, store);
    CopyNames(salvage, store);
    store.Put(layout::MetaKey(info.epoch), layout::EncodeMeta(info));
    store.CopyBase(salvage.store());  // not the index, which is made anew from base and frames
    store.Finish();
    Consumers(folder_).CopyTo(draft_, info.id);
    MarkFile::Open(log_folder::MarkPath(draft_), mark);  // syncs the folder as well
    return {.info = std::move(info), .end = truncate_at};
  }

  // What says that the draft is a new log, and not yet one.
  void MakeSign() const {
    const fs::path path = draft_ / log_folder::kRepairName;
    const file::Descriptor sign(MakePrivateFile(path));
    if (sign.get() < 0) {
      throw EnvironmentError(fmt::format("making {}: {}", path.string(), std::strerror(errno)));
    }
  }

  // The hash of the frame that ends at `truncate_at`.
  uint64_t CopyFrames(LogSalvage& salvage, Offset truncate_at, NewStore& store) {
    uint64_t hash = 0;
    std::optional<FrameHeader> across;  // the frame that would have to be cut
    const Offset end = salvage.Walk(
        [&](const FrameHeader& header, const rocksdb::Slice& key, const rocksdb::Slice& value) {
          if (header.base >= truncate_at) return false;
          if (header.end() > truncate_at) {
            across = header;
            return false;
          }
          store.Put(key, value);
          hash = header.hash;
          return true;
        });
    if (across || truncate_at < salvage.begin()) {
      throw UsageError(fmt::format("no frame ends at offset {}", truncate_at.value()),
                       fmt::format("the nearest end of a frame before it is {}", end.value()));
    }
    if (end < truncate_at) {
      throw DamageError(fmt::format("the log in {} is whole up to offset {} only, not up to {}",
                                    folder_.string(), end.value(), truncate_at.value()),
                        fmt::format("cut it at {} or before", end.value()));
    }
    if (truncate_at > Offset(0) && truncate_at <= salvage.base_end()) {
      throw UsageError(
          fmt::format("the frames up to offset {} are folded into the base, and one "
                      "frame at least has to stay",
                      salvage.base_end().value()));
    }
    return hash;
  }

  // Schemas, and the meta records of the earlier epochs.
  static void CopyNames(LogSalvage& salvage, NewStore& store) {
    const auto at = salvage.store().NewIterator(rocksdb::kDefaultColumnFamilyName);
    for (at->Seek(rocksdb::Slice(layout::kAfterFrames)); at->Valid(); at->Next()) {
      store.Put(at->key(), at->value());
    }
    ThrowIfBad(at->status(), "reading the log's schemas");
  }

  // Afterwards the new log is in its place, and the damaged one in the draft's or under its last
  // name.
  void Exchange() {
    if (::renameat2(AT_FDCWD, draft_.c_str(), AT_FDCWD, folder_.c_str(), RENAME_EXCHANGE) == 0) {
      file::SyncFolder(folder_.parent_path());
      return;
    }
    kept_ = NewNameForDamaged();
    Move(folder_, kept_);
    Move(draft_, folder_);
  }

  // The damaged log gets its last name, the new one loses its sign.
  void TidyUp() {
    if (fs::exists(draft_)) {
      kept_ = NewNameForDamaged();
      Move(draft_, kept_);
    }
    fs::remove(folder_ / log_folder::kRepairName);
    file::SyncFolder(folder_);
  }

  static void Move(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      throw EnvironmentError(
          fmt::format("renaming {} to {}: {}", from.string(), to.string(), std::strerror(errno)));
    }
    file::SyncFolder(to.parent_path());
  }

  const fs::path folder_;
  const fs::path draft_;
  Clock& clock_;
  fs::path kept_;
};

// What the standard library throws of files becomes an Error.
template <typename Body>
auto WithFileErrors(Body&& body) {
  try {
    return body();
  } catch (const fs::filesystem_error& error) {
    throw EnvironmentError(error.what(),
                           "check the disk and the permissions of the folder and of "
                           "the one that it is in");
  }
}

}  // namespace

LogRemains FindRemains(const fs::path& folder) {
  return WithFileErrors([&]() -> LogRemains {
    CheckFolderToRead(folder);
    LogSalvage salvage(folder);
    LogRemains remains{.info = salvage.info(), .begin = salvage.begin()};
    remains.whole = salvage.Walk([](auto&&...) { return true; });
    if (salvage.mark()) remains.next = salvage.mark()->next;
    return remains;
  });
}

LogRepair RepairLog(const fs::path& folder, Offset truncate_at, Clock& clock) {
  return WithFileErrors([&] { return Repair(folder, clock).Run(truncate_at); });
}

}  // namespace syncline
