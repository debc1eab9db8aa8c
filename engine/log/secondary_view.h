#pragma once

#include <rocksdb/db.h>

#include <filesystem>
#include <memory>

#include "engine/base/clock.h"
#include "engine/log/log_view.h"

namespace syncline {

// The log through RocksDB's secondary instance: reads the files of a writer that may be running in
// another process, locks nothing, writes nothing. Opens the default column family only. Borrows the
// clock.
//
// What it shows can be wrong for a moment: when the writer flushes and drops a WAL file between two
// of the secondary's steps, frames are missing until the next catch-up; files can vanish while they
// are being opened. Mend catches up first, then opens the store anew, with growing waits, and gives
// up after kTriesMax looks. There is no word from the writer when something was written: Wait looks
// again every 1 to 20 ms.
class SecondaryView : public LogView {
 public:
  // Throws EnvironmentError when there is no log in `folder`.
  SecondaryView(std::filesystem::path folder, Clock& clock);

  const LogInfo& info() const override { return info_; }
  rocksdb::Status CatchUp() override;
  std::unique_ptr<rocksdb::Iterator> NewIterator() override;
  Offset limit() const override;
  bool Mend(int tries) override;
  bool Wait(Offset position, Microseconds duration, std::stop_token stop) override;

 private:
  rocksdb::Status Reopen();
  void Close();

  const std::filesystem::path folder_;
  Clock& clock_;
  LogInfo info_;
  std::unique_ptr<rocksdb::DB> db_;                      // null after a failed Reopen
  std::unique_ptr<rocksdb::ColumnFamilyHandle> frames_;  // after db_, so that it goes first
  rocksdb::SequenceNumber seen_ = 0;  // the store's last write when an iterator was last made
  Microseconds pause_;                // between two looks of Wait
};

}  // namespace syncline
