#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>

namespace syncline::rocks {

// RocksDB's vector memtable, which sorts its entries when they are first read, with a comparison of
// bytes in place of RocksDB's own, which does the same behind virtual calls and counters and took a
// seventh of all that an append costs. Only for a family whose keys are in bytewise order. Private
// to engine/log; used by RocksDB's threads.
std::shared_ptr<rocksdb::MemTableRepFactory> NewIndexMemtableFactory();

}  // namespace syncline::rocks
