#include "engine/log/rocks/rocks_base_reader.h"

#include <fmt/format.h>
#include <rocksdb/iterator.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/error.h"
#include "engine/log/log_damage.h"
#include "engine/log/store/base_layout.h"
#include "engine/log/store/rocks_status.h"
#include "engine/model/row_shape.h"

namespace syncline {
namespace {

// A hole in one look at the base is gone in the next.
constexpr int kFailuresMax = 3;

// What Next reads at once, save for a larger entry.
constexpr size_t kReadBytes = 16u << 20;

constexpr char kEntries[] = "e";
constexpr char kNoSchema[] = "the schema of a table in the log's base is missing";

class RocksBaseReader : public BaseReader {
 public:
  RocksBaseReader(std::shared_ptr<void> owner, std::unique_ptr<rocksdb::Iterator> entries,
                  FindSchema find_schema, std::shared_ptr<int> failures)
      : owner_(std::move(owner)),
        at_(std::move(entries)),
        find_schema_(std::move(find_schema)),
        failures_(std::move(failures)) {
    at_->Seek(base::kRecordKey);
    ThrowIfBad(at_->status(), kReadingBase);
    if (at_->Valid() && at_->key() == rocksdb::Slice(base::kRecordKey)) {
      expected_ = base::DecodeRecord(at_->value().ToStringView());
    }
    at_->Seek(std::string(1, base::kEntryPrefix));
  }

  const BaseInfo& info() const override { return expected_.info; }

  // From the first entry of each to that of the next.
  std::vector<TableName> Tables() override {
    std::vector<TableName> tables;
    while (at_->Valid() && at_->key().starts_with(rocksdb::Slice(kEntries))) {
      tables.push_back(Checked(base::DecodeEntry(at_->value().ToStringView())).table->table);
      at_->Seek(Behind(base::EntryKey(tables.back(), Row())));
    }
    ThrowIfBad(at_->status(), kReadingBase);
    at_->Seek(std::string(1, base::kEntryPrefix));
    return tables;
  }

  void SeekTable(const TableName& table) override {
    const std::string first = base::EntryKey(table, Row());
    behind_ = Behind(first);
    counts_ = read_.insert(table).second;
    at_->Seek(first);
  }

  std::vector<BaseEntry> Next(size_t count) override {
    std::vector<BaseEntry> entries;
    size_t bytes = 0;
    for (; entries.size() < count && bytes < kReadBytes && OnEntry(); at_->Next()) {
      bytes += at_->value().size();
      if (counts_) base::Count(at_->key().ToStringView(), at_->value().ToStringView(), seen_);
      entries.push_back(Checked(base::DecodeEntry(at_->value().ToStringView())));
    }
    ThrowIfBad(at_->status(), kReadingBase);
    if (entries.empty() && behind_.empty()) CheckWhole();
    return entries;
  }

  void CheckWhole() const override {
    if (seen_.info.entries == expected_.info.entries && seen_.digest == expected_.digest) {
      *failures_ = 0;
      return;
    }
    Fail(fmt::format("the log's base does not add up: {} entries were seen, {} are expected",
                     seen_.info.entries, expected_.info.entries));
  }

 private:
  // The first key that is behind all entries of a table whose first possible key is that one.
  static std::string Behind(std::string first) {
    ++first.back();
    return first;
  }

  bool OnEntry() const {
    return at_->Valid() && at_->key().starts_with(rocksdb::Slice(kEntries)) &&
           (behind_.empty() || at_->key().ToStringView() < behind_);
  }

  // The entry that at_ is on, with its table; its row has the table's shape and its key is the one
  // that it lies under.
  BaseEntry Checked(base::StoredEntry stored) {
    BaseEntry& entry = stored.entry;
    entry.table = find_schema_(stored.schema);
    if (!entry.table) Fail(kNoSchema);
    const TableShapes& shapes =
        shapes_.try_emplace(stored.schema, TableShapes(*entry.table)).first->second;
    const bool deleted = entry.op == Op::kDelete;
    if (!(deleted ? shapes.keys : shapes.rows).Fits(entry.row)) {
      throw AtOffset(entry.offset, "it does not have the values of its table's columns");
    }
    const Row key = deleted ? entry.row : Project(entry.row, entry.table->key);
    if (at_->key() != rocksdb::Slice(base::EntryKey(entry.table->table, key))) {
      throw AtOffset(entry.offset, "it lies under the key of another row");
    }
    if (entry.offset >= expected_.info.as_of) Fail("the log's base holds what lies behind its end");
    return std::move(entry);
  }

  static Error AtOffset(Offset offset, std::string_view what) {
    return LogDamage(
        fmt::format("the row of offset {} in the log's base: {}", offset.value(), what));
  }

  // What is missing may be so for a moment only, unless this is the writer's own store.
  [[noreturn]] void Fail(const std::string& what) const {
    if (owner_ == nullptr || ++*failures_ > kFailuresMax) throw LogDamage(what);
    throw RestartError(what);
  }

  const std::shared_ptr<void> owner_;
  const std::unique_ptr<rocksdb::Iterator> at_;
  const FindSchema find_schema_;
  base::Record expected_;
  base::Record seen_;   // its count and digest
  std::string behind_;  // where Next ends; empty: with the base
  std::map<SchemaId, TableShapes> shapes_;
  std::set<TableName> read_;  // of SeekTable
  bool counts_ = true;        // what Next reads is seen for the first time
  const std::shared_ptr<int> failures_;
};

}  // namespace

std::unique_ptr<BaseReader> ReadBase(std::shared_ptr<void> owner,
                                     std::unique_ptr<rocksdb::Iterator> entries,
                                     FindSchema find_schema, std::shared_ptr<int> failures) {
  return std::make_unique<RocksBaseReader>(std::move(owner), std::move(entries),
                                           std::move(find_schema), std::move(failures));
}

}  // namespace syncline
