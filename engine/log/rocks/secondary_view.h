#pragma once

#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/log/folder/mark_watch.h"
#include "engine/log/rocks/log_view.h"

namespace syncline {

// The log through RocksDB's secondary instance: reads the files of a writer that may be running in
// another process, locks nothing, writes nothing. Opens the default column family only. Borrows the
// clock.
//
// What it shows can be wrong for a moment: when the writer flushes and drops a WAL file between two
// of the secondary's steps, frames are missing until the next catch-up; files can vanish while they
// are being opened. Mend catches up once, then opens the store anew, with growing waits, and gives
// up after kTriesMax looks. The writer's durable mark says what must be there, and its being
// written ends a Wait. Belongs to its reader's thread.
class SecondaryView : public LogView {
 public:
  // Throws EnvironmentError when there is no log in `folder`, DamageError when there was one.
  SecondaryView(std::filesystem::path folder, Clock& clock);

  const LogInfo& info() const override { return info_; }
  Mark mark() override;
  void SyncMark() override;
  rocksdb::Status CatchUp() override;
  std::unique_ptr<rocksdb::Iterator> NewIterator() override;
  bool Mend(int tries, bool broken) override;
  BaseSight OpenBase() override;
  const std::filesystem::path& folder() const override { return folder_; }
  void Reopen() override;
  bool Wait(Offset position, Microseconds duration, std::stop_token stop) override;

 private:
  // The store, and one of its families.
  struct Opened {
    std::unique_ptr<rocksdb::DB> db;
    std::unique_ptr<rocksdb::ColumnFamilyHandle> family;  // after db, so that it goes first
    bool still = false;  // shows one moment: to see more it is opened again
    Offset shows_until;  // of such a one
  };
  rocksdb::Status OpenFamily(const std::string& name, Opened& opened);
  rocksdb::Status Open();
  void Close();

  const std::filesystem::path folder_;
  Clock& clock_;
  MarkWatch watch_;
  LogInfo info_;
  Opened frames_;                 // db is null after a failed Open
  std::vector<Opened> outdated_;  // still ones, which iterators may refer to
};

}  // namespace syncline
