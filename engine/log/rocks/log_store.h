#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/log/folder/mark.h"
#include "engine/log/log_info.h"
#include "engine/log/store/log_lock.h"

namespace syncline {

// A log's RocksDB store, opened for writing: it is a log, belongs to the right source, and is
// locked against other writers for as long as this lives. Knows nothing about frames. Private to
// engine/log. Threads: any, save for RenewIndex, which is the writing thread's.
class LogStore {
 public:
  // As OpenRocksLog says, down to the meta record. A store whose making was cut off is made to
  // the end. Before the store is opened for writing, which deletes files that RocksDB no longer
  // knows, LookForHoles has seen whether everything that was acknowledged is there.
  static std::unique_ptr<LogStore> Open(const std::filesystem::path& folder,
                                        std::string_view source, uint64_t memtable_bytes);

  LogStore(const LogStore&) = delete;
  LogStore& operator=(const LogStore&) = delete;
  ~LogStore();

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* frames() { return frames_; }
  rocksdb::ColumnFamilyHandle* index() { return index_; }
  rocksdb::ColumnFamilyHandle* base() { return base_; }
  // Drops everything in the index family, for good.
  void RenewIndex();
  const LogInfo& info() const { return info_; }
  // The durable mark as it was before the store was opened.
  const Mark& mark() const { return mark_; }
  const std::filesystem::path& folder() const { return folder_; }
  // Held while folded frames are dropped, and while a backup is made: its mark must fit its files.
  std::mutex& dropping() { return dropping_; }

 private:
  explicit LogStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void LookBeforeOpening();
  void OpenDb();
  void MakeIndex();
  rocksdb::ColumnFamilyHandle* MakeFamily(const char* name,
                                          const rocksdb::ColumnFamilyOptions& options);
  // The meta record; nothing in a store that is being made. Throws UsageError if there is something
  // else in it.
  std::optional<LogInfo> ReadInfo();

  std::filesystem::path folder_;
  std::unique_ptr<FolderHold> hold_;  // goes after the store
  Mark mark_;
  std::mutex dropping_;
  uint64_t memtable_bytes_ = 0;
  LogInfo info_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* frames_ = nullptr;  // these are given back before db_ goes
  rocksdb::ColumnFamilyHandle* index_ = nullptr;
  rocksdb::ColumnFamilyHandle* base_ = nullptr;
};

}  // namespace syncline
