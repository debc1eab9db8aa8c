#pragma once

#include <rocksdb/write_batch.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/base/error.h"
#include "engine/log/change_log.h"
#include "engine/log/folder/log_end.h"
#include "engine/log/rocks/cursor_chain.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/rocks/rocks_log_options.h"
#include "engine/log/rocks/row_index.h"

namespace syncline {

// The change log on RocksDB. One Append is one WriteBatch and one synced write: the frame and the
// schemas it is the first to use (invariant 1). The RowIndex takes the frame in afterwards. Private
// to engine/log; OpenRocksLog makes it.
//
// A write that failed leaves open what is in the log. The next call finds out: it asks RocksDB to
// go on, reads the tail again, and either continues, or says kRestart because the frame that failed
// is there after all. Threads: as the parts of ChangeLog say.
class RocksChangeLog : public ChangeLog {
 public:
  RocksChangeLog(std::unique_ptr<LogStore> store, Clock& clock, const RocksLogOptions& options);
  // Writes what the RowIndex has in memory, so that the next Open need not read frames again. No
  // reader may be left.
  ~RocksChangeLog() override;

  const LogInfo& info() const override { return store_->info(); }
  Offset next() const override { return tail_.next; }
  const std::string& cursor() const override { return cursors_.cursor(); }
  bool cut_open() const override { return tail_.cut_open; }
  Offset Append(FrameDraft draft) override;
  void SaveCursor(std::string cursor) override;
  void Prepare(FrameDraft draft, const std::string& name, const std::string& token) override;
  std::optional<std::string> prepared() override;
  void AppendPrepared() override;
  void DropPrepared() override;
  std::optional<std::string> applied(const std::string& name) override;
  std::map<std::string, std::string> all_applied() override;
  void NoteApplied(const std::string& name, const std::string& token) override;
  std::vector<std::optional<IndexEntry>> Lookup(const TableName& table,
                                                const std::vector<Row>& keys) override;
  std::vector<LoggedKey> NextKeys(const TableName& table, const std::optional<Row>& after,
                                  size_t count) override;
  std::unique_ptr<Retention> NewRetention(const RetentionPolicy& policy) override;
  LogWriteStats write_stats() const override;
  LogBackup Backup(const std::filesystem::path& into, std::stop_token stop) override;
  std::unique_ptr<LogReader> NewReader() override;

 private:
  // What the next frame continues.
  struct Tail {
    Offset next;
    uint64_t hash = 0;  // of the last frame; 0 if there is none
    bool cut_open = false;
  };

  // Reads the cursors again, too.
  Tail ReadTail();
  struct Prepared {
    std::string name, token;
    FrameDraft draft;
  };
  std::optional<Prepared> ReadPrepared();
  std::optional<std::string> Get(std::string_view key);
  Compression ChooseCompression(bool bulk, Microseconds now) const;
  Mark FirstMark() const;
  FrameHeader HeaderFor(const FrameDraft& draft);
  // `confirms`: what was prepared, which goes with it.
  Offset AppendFrame(FrameDraft draft, const Prepared* confirms);
  std::unordered_set<SchemaId> ReadSchemaIds();
  void CheckAfterFailure();
  void StageSchemas(const FrameDraft& draft, std::vector<SchemaId>& ids);
  void Write(bool synced, std::string_view doing);
  // Throws unless the status is ok; then the next call looks at what is in the log.
  void CheckWritten(const rocksdb::Status& status, std::string_view doing);

  const std::unique_ptr<LogStore> store_;
  Clock& clock_;
  const std::optional<Compression> compression_;

  // Owned by the writing thread.
  std::unordered_set<SchemaId> schemas_;  // in the log
  CursorChain cursors_;
  Tail tail_;
  std::optional<Prepared> prepared_;
  FrameEncoder encoder_;
  rocksdb::WriteBatch batch_;
  Microseconds append_began_{0};  // the last one
  Microseconds append_ended_{0};
  bool suspect_ = false;  // a write did not come to its end: what is in the log must be looked at
  std::optional<Error> failure_;  // of that write

  LogEnd end_;
  std::atomic<int> readers_{0};
  RowIndex index_;  // the writing thread's too; reads the log through a reader
};

}  // namespace syncline
