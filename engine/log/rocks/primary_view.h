#pragma once

#include <atomic>
#include <memory>

#include "engine/log/folder/log_end.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/rocks/log_view.h"

namespace syncline {

// The writer's own store. There are no holes to be mended: an iterator is a consistent snapshot,
// and what lies before LogEnd was synced before it became visible. Borrows store, end and the count
// of readers, which keeps the log from being closed under one. Belongs to its reader's thread.
class PrimaryView : public LogView {
 public:
  PrimaryView(LogStore& store, LogEnd& end, std::atomic<int>& readers);
  ~PrimaryView() override;

  const LogInfo& info() const override { return store_.info(); }
  rocksdb::Status CatchUp() override { return rocksdb::Status::OK(); }
  std::unique_ptr<rocksdb::Iterator> NewIterator() override;
  Mark mark() override { return end_.mark(); }
  void SyncMark() override { end_.Sync(); }
  bool Mend(int, bool) override { return false; }
  BaseSight OpenBase() override;
  const std::filesystem::path& folder() const override { return store_.folder(); }
  void Reopen() override {}
  bool Wait(Offset position, Microseconds duration, std::stop_token stop) override {
    return end_.WaitPast(position, duration, std::move(stop));
  }

 private:
  LogStore& store_;
  LogEnd& end_;
  std::atomic<int>& readers_;
};

}  // namespace syncline
