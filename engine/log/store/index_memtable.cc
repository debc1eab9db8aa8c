#include "engine/log/store/index_memtable.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace syncline::rocks {
namespace {

using rocksdb::Slice;

// How RocksDB tells entries of one key apart: sequence number and type, behind the key.
constexpr size_t kTagBytes = 8;

// An entry's internal key: a varint of its length stands before it. memtablerep.h calls this format
// frozen.
inline Slice InternalKey(const char* entry) {
  auto size = static_cast<uint32_t>(static_cast<uint8_t>(*entry++));
  if (size >= 0x80) {
    size &= 0x7f;
    for (int shift = 7;; shift += 7) {
      const auto byte = static_cast<uint8_t>(*entry++);
      size |= static_cast<uint32_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
  }
  return {entry, size};
}

// Keys upwards, of one key the latest entry first.
inline int Compare(const Slice& a, const Slice& b) {
  const size_t a_bytes = a.size() - kTagBytes;
  const size_t b_bytes = b.size() - kTagBytes;
  const int order = std::memcmp(a.data(), b.data(), std::min(a_bytes, b_bytes));
  if (order != 0) return order;
  if (a_bytes != b_bytes) return a_bytes < b_bytes ? -1 : 1;
  uint64_t a_tag, b_tag;  // little endian, as this machine is
  std::memcpy(&a_tag, a.data() + a_bytes, kTagBytes);
  std::memcpy(&b_tag, b.data() + b_bytes, kTagBytes);
  return a_tag > b_tag ? -1 : a_tag < b_tag ? 1 : 0;
}

class BytewiseComparator : public rocksdb::MemTableRep::KeyComparator {
 public:
  int operator()(const char* a, const char* b) const override {
    return Compare(InternalKey(a), InternalKey(b));
  }
  int operator()(const char* a, const Slice& b) const override {
    return Compare(InternalKey(a), b);
  }
};

class Factory : public rocksdb::VectorRepFactory {
 public:
  using VectorRepFactory::CreateMemTableRep;
  rocksdb::MemTableRep* CreateMemTableRep(const rocksdb::MemTableRep::KeyComparator&,
                                          rocksdb::Allocator* allocator,
                                          const rocksdb::SliceTransform* prefixes,
                                          rocksdb::Logger* logger) override {
    static const BytewiseComparator comparator;
    return VectorRepFactory::CreateMemTableRep(comparator, allocator, prefixes, logger);
  }
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewIndexMemtableFactory() {
  return std::make_shared<Factory>();
}

}  // namespace syncline::rocks
