#include "engine/log/store/store_reader.h"

#include <fmt/format.h>

#include <vector>

#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

constexpr uint64_t kReaderMemtable = 64u << 20;  // what the WAL holds has to fit in

}  // namespace

StoreReader::StoreReader(const std::filesystem::path& folder) {
  const std::string opening = fmt::format("opening the log in {}", folder.string());
  std::vector<std::string> names;
  ThrowIfBad(rocksdb::DB::ListColumnFamilies(rocks::ReaderOptions(), folder, &names), opening);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) {
    families.emplace_back(name, rocks::FramesOptions(kReaderMemtable));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  ThrowIfBad(rocksdb::DB::OpenForReadOnly(rocks::ReaderOptions(), folder, families, &handles, &db),
             opening);
  db_.reset(db);
  for (size_t i = 0; i < handles.size(); ++i) families_.emplace(names[i], handles[i]);
}

StoreReader::~StoreReader() {
  for (const auto& [name, handle] : families_) db_->DestroyColumnFamilyHandle(handle);
}

std::unique_ptr<rocksdb::Iterator> StoreReader::NewIterator(const std::string& family) {
  return std::unique_ptr<rocksdb::Iterator>(
      db_->NewIterator(rocks::ScanOptions(), families_.at(family)));
}

}  // namespace syncline
