#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace syncline::bench {

// RocksDB with the log's own settings and nothing of the log around it: what frames and index
// entries cost that are only put there. Aborts when something fails.
class PlainStore {
 public:
  explicit PlainStore(const std::filesystem::path& folder);
  ~PlainStore();

  // Synced.
  void PutFrame(uint64_t offset, std::string_view frame);
  // To the batch that WriteIndex writes without the WAL and has flushed. In order.
  void AddIndexEntry(uint64_t key);
  void WriteIndex();

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<rocksdb::ColumnFamilyHandle> frames_;
  std::unique_ptr<rocksdb::ColumnFamilyHandle> index_;
  rocksdb::WriteBatch frame_;
  rocksdb::WriteBatch batch_;
  std::string key_;
  std::string entry_;
};

}  // namespace syncline::bench
