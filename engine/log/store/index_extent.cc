#include "engine/log/store/index_extent.h"

#include "engine/log/log_damage.h"
#include "engine/log/store/index_entry.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

constexpr char kProperty[] = "syncline.index.last";

// Sees every key that goes into one file.
class Collector : public rocksdb::TablePropertiesCollector {
 public:
  rocksdb::Status AddUserKey(const rocksdb::Slice& key, const rocksdb::Slice& value,
                             rocksdb::EntryType type, rocksdb::SequenceNumber, uint64_t) override {
    if (type != rocksdb::kEntryPut || key.starts_with(rocksdb::Slice(layout::kIndexStatePrefix)) ||
        value.size() < index_entry::kHeadBytes) {
      return rocksdb::Status::OK();
    }
    const Offset offset = index_entry::OffsetOf(value.ToStringView());
    if (last_.empty() || offset > index_entry::OffsetOf(last_)) {
      last_.assign(value.data(), index_entry::kHeadBytes);
    }
    return rocksdb::Status::OK();
  }

  rocksdb::Status Finish(rocksdb::UserCollectedProperties* properties) override {
    properties->insert({kProperty, last_});
    return rocksdb::Status::OK();
  }

  rocksdb::UserCollectedProperties GetReadableProperties() const override { return {}; }
  const char* Name() const override { return "SynclineIndexExtent"; }

 private:
  std::string last_;
};

class CollectorFactory : public rocksdb::TablePropertiesCollectorFactory {
 public:
  rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(
      rocksdb::TablePropertiesCollectorFactory::Context) override {
    return new Collector;
  }
  const char* Name() const override { return "SynclineIndexExtent"; }
};

}  // namespace

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewIndexExtentCollectorFactory() {
  return std::make_shared<CollectorFactory>();
}

std::optional<IndexExtent> IndexExtent::Read(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  rocksdb::TablePropertiesCollection files;
  ThrowIfBad(db.GetPropertiesOfAllTables(family, &files), "reading the log's row index");
  IndexExtent extent;
  for (const auto& [name, file] : files) {
    const auto property = file->user_collected_properties.find(kProperty);
    if (property == file->user_collected_properties.end()) return {};
    const std::string& head = property->second;
    if (head.empty()) continue;
    if (head.size() != index_entry::kHeadBytes) {
      throw LogDamage("a file of the row index does not say its extent");
    }
    const Offset end = index_entry::OffsetOf(head) + 1;
    if (end > extent.end) extent = {end, index_entry::FingerprintOf(head)};
  }
  return extent;
}

}  // namespace syncline
