#pragma once

#include <rocksdb/options.h>

#include <cstdint>
#include <string>

// How RocksDB is set up, and why; in one place, because writer and readers must agree. Private to
// engine/log.
namespace syncline::rocks {

// Files are made by PrivateEnv.
rocksdb::DBOptions WriterOptions(uint64_t memtable_bytes);
// For the secondary instance. It writes nothing at all, not even an info log, so a reader needs no
// folder of its own.
rocksdb::DBOptions ReaderOptions();

// The default column family: frames, schemas, meta.
rocksdb::ColumnFamilyOptions FramesOptions(uint64_t memtable_bytes);
// The writer's column family: point lookups, most of them for keys that are not there.
rocksdb::ColumnFamilyOptions IndexOptions(uint64_t memtable_bytes);
// The folded frames: rows, overwritten as they age, read in key order.
rocksdb::ColumnFamilyOptions BaseOptions(uint64_t memtable_bytes);

rocksdb::WriteOptions SyncedWrite();
// For walking over frames; checks every block's checksum.
rocksdb::ReadOptions ScanOptions();

}  // namespace syncline::rocks
