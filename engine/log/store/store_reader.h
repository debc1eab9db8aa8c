#pragma once

#include <rocksdb/db.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace syncline {

// All column families of a log's store as the writer would open them, read only: locks nothing,
// writes nothing. For those who look at the store itself and not at the log in it. Unlike the
// secondary instance, which falls back to an older state of the store when a file is missing, this
// fails then; beside a running writer, whose files come and go, that may mean nothing: try again.
// Private to engine/log; belongs to one thread.
class StoreReader {
 public:
  // Throws as ToError.
  explicit StoreReader(const std::filesystem::path& folder);
  ~StoreReader();
  StoreReader(const StoreReader&) = delete;
  StoreReader& operator=(const StoreReader&) = delete;

  rocksdb::DB& db() { return *db_; }
  std::unique_ptr<rocksdb::Iterator> NewIterator(const std::string& family);
  // By name; lives as long as this.
  const std::map<std::string, rocksdb::ColumnFamilyHandle*>& families() const { return families_; }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> families_;  // given back before db_ goes
};

}  // namespace syncline
