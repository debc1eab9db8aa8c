#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/offset.h"
#include "engine/log/log_backup.h"
#include "engine/model/frame.h"

namespace syncline {

class LogReader;
class Retention;
struct RetentionPolicy;

// A log has one epoch more with each repair, and never as many as this.
inline constexpr uint64_t kEpochMax = UINT32_MAX;

// The names of a log, fixed when it is made (the epoch can grow).
struct LogInfo {
  LogId id;
  uint64_t epoch = 0;
  std::string source;  // sql::Session::Identity() of the database it was captured from
  // Where each epoch began: its frames, and those of all later epochs, continue the frame that ends
  // there, or, at the log's beginning, none. By the epoch's number.
  std::map<uint64_t, Offset> begins = {};

  // Up to here the history that somebody knows from `epoch` is also this log's. An epoch that has
  // yet to come shares nothing.
  Offset SharedUpTo(uint64_t epoch) const;
};

// What the RowIndex holds of a key: the last state that was logged.
struct IndexEntry {
  Fingerprint fingerprint;
  Offset offset;
  Value version;
  bool deleted = false;
  std::optional<RowClock> clock = {};
  bool operator==(const IndexEntry&) const = default;
};

// Of a log that holds changes of that table without a lineage, where one is needed: it was begun
// when nothing else wrote to `database`.
Error NoLineage(const TableName& table, std::string_view database);

// A row that the log holds, by its key's values in key order.
struct LoggedKey {
  Row key;
  Value version;
  bool operator==(const LoggedKey&) const = default;
};

// The writer of one persistent, append-only change log; FORMAT.md is what it leaves on disk.
//
// Contract: a frame is durable (synced) when Append returns, changes and cursor in one write
// (invariant 1), and the RowIndex, which is derived from the frames, tells about it; offsets are
// dense and frames chained by hash (invariant 2). After an Error from Append nothing of the frame
// is in the log, or all of it is. The object stays usable: the next call looks, goes on if nothing
// is there (the disk has room again), and throws an Error of reaction kRestart if the frame is
// there after all; cursor() and next() are right again then.
//
// One writer per log, in the process and on the machine: a second Open throws EnvironmentError.
// Threads: one thread writes; Backup may be called from any; the readers that NewReader makes may
// be used from other threads while the log lives.
class ChangeLog {
 public:
  struct Options {
    uint64_t memtable_bytes = 16u << 20;
    // RowIndex entries that may wait in memory; after a crash at most so much is read again.
    uint64_t index_pending_bytes = 8u << 20;
    // Of every frame. Not set: fast in bulk and as long as Append is called again and again without
    // a pause; else small.
    std::optional<Compression> compression = {};
  };

  // Opens the log in `folder`, or makes a new one for `source` (parent folders are made too).
  // Throws UsageError if the log there belongs to another source, EnvironmentError if it is locked
  // by another writer or not writable, DamageError if what is there cannot be read or the last
  // frame does not verify.
  static std::unique_ptr<ChangeLog> Open(const std::filesystem::path& folder,
                                         std::string_view source, Clock& clock, Options options);
  static std::unique_ptr<ChangeLog> Open(const std::filesystem::path& folder,
                                         std::string_view source, Clock& clock);

  ChangeLog(const ChangeLog&) = delete;
  ChangeLog& operator=(const ChangeLog&) = delete;
  virtual ~ChangeLog() = default;

  virtual const LogInfo& info() const = 0;
  // The offset that the next change will get.
  virtual Offset next() const = 0;
  // The last cursor that was appended or saved; empty for a new log.
  virtual const std::string& cursor() const = 0;
  // True when the last frame did not close its cut: the process died, or is, in the middle of one.
  virtual bool cut_open() const = 0;

  struct Draft {
    std::vector<std::shared_ptr<const TableSchema>> tables;  // what Change::table points into
    std::vector<Change> changes;                             // at least one
    std::vector<Fingerprint> fingerprints;  // one per change: its row's; for the RowIndex
    std::string cursor;
    bool closes_cut = false;
    bool bulk = false;  // one of many that come one after the other, as in a load
  };
  // Writes one frame; the offset of its first change.
  virtual Offset Append(Draft draft) = 0;
  // Remembers a cursor without a frame, after a poll that found nothing. Not synced: a crash may
  // take it back to an earlier one, which only makes the next poll read a little more.
  virtual void SaveCursor(std::string cursor) = 0;

  // Keeps a frame that is to be appended if something elsewhere happens, of which `token` tells:
  // durable when it returns. There is one at a time; a later one takes its place.
  virtual void Prepare(Draft draft, const std::string& name, const std::string& token) = 0;
  // The token of what is prepared; none: nothing is.
  virtual std::optional<std::string> prepared() = 0;
  // It has happened: appends the frame, with the cursor as it is, and remembers the token by that
  // name, in one write. Throws as Append, and leaves the frame prepared then.
  virtual void AppendPrepared() = 0;
  // It has not.
  virtual void DropPrepared() = 0;
  // The token that was remembered last; from any thread.
  virtual std::optional<std::string> applied(const std::string& name) = 0;
  virtual std::map<std::string, std::string> all_applied() = 0;  // by name
  // Remembers a token without a frame; an empty one forgets. Not synced.
  virtual void NoteApplied(const std::string& name, const std::string& token) = 0;

  // What is logged of each key; `keys` are rows of the key columns' values in key order. The answer
  // runs parallel to `keys`.
  virtual std::vector<std::optional<IndexEntry>> Lookup(const TableName& table,
                                                        const std::vector<Row>& keys) = 0;
  // The rows of that table that are not deleted, by what was appended: those after `after`
  // (nothing: from the first) in the order of AppendOrdered (ordered_key.h), at most `count`.
  // Fewer: these are the last.
  virtual std::vector<LoggedKey> NextKeys(const TableName& table, const std::optional<Row>& after,
                                          size_t count) = 0;

  // What the store has written to the disk since the log was opened, by its own account.
  struct WriteStats {
    uint64_t wal_bytes = 0;
    uint64_t file_bytes = 0;  // flushed from memory, or written again by compaction
  };
  virtual WriteStats write_stats() const = 0;

  // Folds what is older than `policy` says, beside the writing thread. Must not outlive the log.
  virtual std::unique_ptr<Retention> NewRetention(const RetentionPolicy& policy) = 0;

  // Makes a copy of the log in the folder `into`, which is not there or empty; the copy holds at
  // least what was acknowledged when this began, and is a log itself. Files are linked where the
  // file system can, copied where it cannot; nothing is there under that name until all of it is.
  // Writing goes on. Thread-safe. Throws UsageError when the folder is in use, and
  // EnvironmentError from a stop on, before the next file is begun; leaves nothing behind then.
  virtual LogBackup Backup(const std::filesystem::path& into, std::stop_token stop = {}) = 0;

  // Reads what this writer has acknowledged and is woken by each Append. Must not outlive the log.
  virtual std::unique_ptr<LogReader> NewReader() = 0;

 protected:
  ChangeLog() = default;
};

}  // namespace syncline
