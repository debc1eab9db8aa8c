#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/frame_draft.h"
#include "engine/log/key_index.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/rocks/pending_entries.h"
#include "engine/log/store/index_extent.h"

namespace syncline {

// The writer's memory of what is logged: for every key of every table its last state (IndexEntry).
// It is derived from the frames, which are its write-ahead log: the entries of a frame that has
// been written are kept in memory, and now and then go into the log's "index" column family, in key
// order, as one batch that is not written to the WAL. One batch for one family lands in one
// memtable and so in one file: the files always tell about the frames up to some offset, and about
// no frame after it (IndexExtent). After a crash the frames from there on are read again.
//
// Private to engine/log; belongs to the log's writing thread; borrows the store. In memory are at
// most `pending_bytes_max` of entries and one frame's, the batch they are written as, and RocksDB's
// three memtables of that size.
//
// On disk: table id (4 bytes, big endian, from 1) + the key's values, each as AppendOrdered writes
// it -> entry. Under table id 0 stand the tables' own ids: 0 + "table/" + name -> id; and the epoch
// of the log that the entries were read from.
class RowIndex {
 public:
  struct Options {
    uint64_t pending_bytes_max;  // of entries, in memory
    uint64_t wal_bytes_max;      // that may be written between two flushes of the index
  };
  RowIndex(LogStore& store, Options options);

  // Makes the index tell about the log as it is: goes on where the files end, or, if they do not
  // belong to this history of the log, makes the index anew from its first frame. Before anything
  // else. Throws as LogReader and ToError.
  void Open(LogReader& log);
  // Takes in what the log holds and the index does not tell about yet: from its base, where older
  // frames were folded, and from its frames.
  void Follow(LogReader& log);

  // Takes in a frame that is in the log. Does not fail.
  void Add(const FrameDraft& draft, Offset base);
  // To be called before `wal_bytes` go to the WAL. Writes what is in memory when there is enough of
  // it, or when the WAL files since the last time should be let go. After a bad status nothing is
  // lost.
  rocksdb::Status MakeRoom(size_t wal_bytes);
  // Writes what is in memory, so that the next Open need not read frames again.
  rocksdb::Status Close();

  // Runs parallel to `keys`. Keys behind the table's last one are answered without a look into the
  // store; so a table that is loaded in key order is not looked up at all.
  std::vector<std::optional<IndexEntry>> Lookup(const TableName& table,
                                                const std::vector<Row>& keys);

  // As ChangeLog says.
  std::vector<LoggedKey> NextKeys(const TableName& table, const std::optional<Row>& after,
                                  size_t count);

 private:
  struct Table {
    uint32_t id = 0;
    std::string last;      // the table's greatest key in the index, as stored; empty: there is none
    bool written = false;  // its id is in the store
  };

  // Reads what the store says; forgets what is in memory.
  void Load();
  // Whether the files tell about this history of the log: its epoch, and the change they end with.
  bool Continues(LogReader& log) const;
  void FollowBase(LogReader& log);
  void AddChanges(const std::vector<std::shared_ptr<const TableSchema>>& tables,
                  const std::vector<Change>& changes, const std::vector<Fingerprint>& fingerprints,
                  Offset base);
  // Puts what is in memory into the store, and has that flushed; `wait`: until it is done.
  rocksdb::Status Write(bool wait);
  rocksdb::Status Flush(bool wait);
  rocksdb::Status WritePending();
  rocksdb::Status KeepMemtable();
  Table& TableOf(const TableName& name);
  std::string ReadLastKey(uint32_t table_id);
  // Entry of texts[i], if any, to found[places[i]].
  void LookupBatch(const std::string* texts, const size_t* places, size_t count,
                   std::vector<std::optional<IndexEntry>>& found);

  LogStore& store_;
  const Options options_;

  std::optional<IndexExtent> extent_;  // of the files, when they were loaded
  std::optional<uint64_t> epoch_;      // in the store
  Offset end_;                         // behind the last change that was taken in
  std::map<TableName, Table> tables_;
  uint32_t next_table_id_ = 1;
  PendingEntries pending_;
  bool from_base_ = false;  // FollowBase is at work
  uint64_t wal_bytes_ = 0;  // since the last flush

  rocksdb::WriteBatch batch_;  // these are kept for their memory
  std::string filler_key_;     // see KeepMemtable
  std::string key_;
  std::string entry_;
  Row version_;
};

}  // namespace syncline
