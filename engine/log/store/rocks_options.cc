#include "engine/log/store/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_partitioner.h>
#include <rocksdb/table.h>

#include <memory>

#include "engine/log/store/index_extent.h"
#include "engine/log/store/index_memtable.h"
#include "engine/log/store/private_env.h"

namespace syncline::rocks {
namespace {

// Instead of RocksDB's own info log, which asserts when the disk it writes to is full, and which a
// reader would need a folder for. What goes wrong comes back as a status anyway.
class SilentLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Starts the threads of this process's pools. RocksDB starts them when it first has work for them,
// with locks held that an exception then leaves held.
void StartThreads() {
  for (const auto pool : {rocksdb::Env::Priority::LOW, rocksdb::Env::Priority::HIGH}) {
    rocksdb::Env::Default()->IncBackgroundThreadsIfNeeded(1, pool);
    rocksdb::Env::Default()->Schedule([](void*) {}, nullptr, pool);
  }
}

}  // namespace

rocksdb::DBOptions WriterOptions(uint64_t memtable_bytes) {
  StartThreads();
  rocksdb::DBOptions options;
  options.env = PrivateEnv();
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // Opens with everything up to the first record that is not whole: the ordinary torn tail of a
  // crash.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // The families fill at different speeds; without a bound the slowest one keeps old WAL files
  // alive, which a reader would have to replay when it opens. RowIndex keeps below it.
  options.max_total_wal_size = 6 * memtable_bytes;
  options.info_log = std::make_shared<SilentLogger>();
  // With more, one that cannot be started ends the process: RocksDB lets go of those that run.
  options.max_file_opening_threads = 1;
  // One thread appends, and retention writes now and then: what makes concurrent inserts into the
  // memtable possible only costs.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  // The frames are in the WAL, and the row index is flushed by RowIndex.
  options.avoid_flush_during_shutdown = true;
  return options;
}

rocksdb::DBOptions ReaderOptions() {
  StartThreads();
  rocksdb::DBOptions options;
  options.max_open_files = -1;  // so that files deleted by the writer stay readable
  // With more, RocksDB starts and ends them all at every catch-up, which is most of what it costs.
  options.max_file_opening_threads = 1;
  options.paranoid_checks = true;
  options.info_log = std::make_shared<SilentLogger>();
  return options;
}

rocksdb::ColumnFamilyOptions FramesOptions(uint64_t memtable_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  // Frames are compressed already. Without compression at any level and with keys that only grow,
  // files move from level to level instead of being rewritten...
  options.compression = rocksdb::kNoCompression;
  options.level_compaction_dynamic_level_bytes = true;
  // Files stay small, because retention drops them whole.
  options.target_file_size_base = memtable_bytes;
  // ...as long as none spans the frames and the schemas behind them: such files are cut there.
  options.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(1);
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;  // frames are read once, in order
  table.block_size = 64u << 10;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::ColumnFamilyOptions IndexOptions(uint64_t memtable_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  options.max_write_buffer_number = 3;
  options.table_properties_collector_factories = {NewIndexExtentCollectorFactory()};
  options.compression = rocksdb::kNoCompression;  // of a fingerprint nothing can be saved
  // RowIndex writes a batch in key order and has it flushed at once: a memtable needs no order of
  // its own until then.
  options.memtable_factory = NewIndexMemtableFactory();
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.block_cache = rocksdb::NewLRUCache(32u << 20);
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::ColumnFamilyOptions BaseOptions(uint64_t memtable_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  options.compression = rocksdb::kZSTD;
  options.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.block_cache = rocksdb::NewLRUCache(8u << 20);
  table.block_size = 16u << 10;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::WriteOptions SyncedWrite() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

rocksdb::ReadOptions ScanOptions() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  return options;
}

}  // namespace syncline::rocks
