#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/change_log.h"

namespace syncline {

// The writer's memory of what is logged: for every key of every table its last state (IndexEntry).
// Lives in the log's "index" column family, which nobody else reads, and changes only in the same
// WriteBatch as the frame it tells about (invariant 1). Private to engine/log; belongs to the log's
// writing thread; borrows database and handle.
//
// On disk: table id (4 bytes, big endian, from 1) + the key's values, each as AppendOrdered writes
// it -> entry. Under table id 0 stand the tables' own ids: 0 + "table/" + name -> id.
class RowIndex {
 public:
  RowIndex(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family);

  // Forgets what was staged without having been written, and reads the tables again. Throws as
  // ToError.
  void Load();

  // Runs parallel to `keys`. Keys behind the table's last one are answered without a look into the
  // store; so a table that is loaded in key order is not looked up at all.
  std::vector<std::optional<IndexEntry>> Lookup(const TableName& table,
                                                const std::vector<Row>& keys);

  // Puts the frame's entries into `batch`. They count as written from now on: if the batch fails,
  // call Load.
  void Stage(const ChangeLog::Draft& draft, Offset base, rocksdb::WriteBatch& batch);

 private:
  struct Table {
    uint32_t id = 0;
    std::string last;  // the table's greatest key in the index, as stored; empty: there is none
  };

  Table& StageTable(const TableName& name, rocksdb::WriteBatch& batch);
  std::string ReadLastKey(uint32_t table_id);
  // Entry of texts[i], if any, to found[places[i]].
  void LookupBatch(const std::string* texts, const size_t* places, size_t count,
                   std::vector<std::optional<IndexEntry>>& found);

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const family_;
  std::map<TableName, Table> tables_;
  uint32_t next_table_id_ = 1;
  std::string key_;  // of Stage, kept for their memory
  std::string value_;
};

}  // namespace syncline
