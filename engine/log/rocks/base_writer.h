#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <map>
#include <optional>
#include <string>

#include "engine/log/store/base_layout.h"
#include "engine/model/frame.h"

namespace syncline {

// Folds frames into the base. Private to engine/log; borrows the database; belongs to one thread,
// and only one of them writes to a base.
class BaseWriter {
 public:
  BaseWriter(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family);

  // As it is in the store.
  const BaseInfo& info() const { return record_.info; }

  // Puts the frame that starts at info().as_of into the base, in one write that is not synced.
  void Fold(const Frame& frame);

  // Drops the deletions before `seen`.
  void DropDeletions(Offset seen);

 private:
  struct Folding {
    std::string before;  // the entry's bytes as they are in the store; empty: there is none
    std::optional<base::StoredEntry> entry;
  };

  void Read(std::map<std::string, Folding>& entries);
  void Stage(const std::string& key, const Folding& folding);
  void Write();

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const family_;
  base::Record record_;
  rocksdb::WriteBatch batch_;
};

}  // namespace syncline
