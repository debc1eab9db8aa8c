#include "bench/plain_store.h"

#include <cstdlib>
#include <iostream>
#include <vector>

#include "engine/log/big_endian.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"

namespace syncline::bench {
namespace {

constexpr uint64_t kMemtableBytes = 16u << 20;
constexpr size_t kEntryBytes = 37;                   // of an entry whose version is a timestamp

void Check(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::abort();
}

}  // namespace

PlainStore::PlainStore(const std::filesystem::path& folder)
    : frame_(0, 0, /*protection_bytes_per_key=*/8, 0), entry_(kEntryBytes, 'e') {
  rocksdb::DB* db = nullptr;
  rocksdb::DBOptions options = rocks::WriterOptions(kMemtableBytes);
  options.create_missing_column_families = true;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  Check(
      rocksdb::DB::Open(options, folder,
                        {{rocksdb::kDefaultColumnFamilyName, rocks::FramesOptions(kMemtableBytes)},
                         {layout::kIndexFamily, rocks::IndexOptions(kMemtableBytes)}},
                        &families, &db));
  db_.reset(db);
  frames_.reset(families[0]);
  index_.reset(families[1]);
}

PlainStore::~PlainStore() {
  frames_.reset();
  index_.reset();
}

void PlainStore::PutFrame(uint64_t offset, std::string_view frame) {
  frame_.Clear();
  frame_.Put(frames_.get(), layout::FrameKey(Offset(offset)), rocksdb::Slice(frame));
  Check(db_->Write(rocks::SyncedWrite(), &frame_));
}

void PlainStore::AddIndexEntry(uint64_t key) {
  key_.assign("\0\0\0\1\2", 5);
  layout::AppendBigEndian32(key_, static_cast<uint32_t>(key));
  batch_.Put(index_.get(), key_, entry_);
}

void PlainStore::WriteIndex() {
  rocksdb::WriteOptions not_logged;
  not_logged.disableWAL = true;
  Check(db_->Write(not_logged, &batch_));
  batch_.Clear();
  rocksdb::FlushOptions flush;
  flush.wait = false;
  flush.allow_write_stall = true;
  Check(db_->Flush(flush, index_.get()));
}

}  // namespace syncline::bench
