#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/capture_log.h"

namespace syncline {

// Between the rows that a poll read and the log: drops the states that the log holds already (same
// key, same fingerprint), gives the others their `previous` version, and groups them into frames. A
// poll's last frame carries the new cursor and closes the cut; the earlier ones carry the cursor as
// it was, so that a poll that was cut off is simply done again. With Users changes get a clock, by
// NextClock; then it throws UsageError for a key that the log holds without one.
//
// Belongs to the log's writing thread; borrows the log. After an exception it is to be thrown away.
class CutWriter {
 public:
  // Of a database that is written to from other databases, too: what is read there and not in the
  // log yet was made by its users, and gets its lineage here.
  struct Users {
    NodeId node = 0;
    int64_t now = 0;  // by the database's clock, microseconds since 2000-01-01 UTC
    // The stamp to be taken for a row's, which may be ahead of now. May throw.
    std::function<int64_t(const TableSchema&, int64_t stamp)> accept;
    // Told of the version of every row that comes, in that order, save those that are as they were
    // applied here.
    std::function<void(const TableSchema&, const Value& version)> own;
  };
  struct Options {
    size_t frame_bytes = 256u << 10;  // uncompressed size at which a frame is written
    const Users* users = nullptr;     // borrowed; null: nobody else writes to the database
    bool bulk = false;                // FrameDraft::bulk, of all frames
  };
  struct TableStats {
    uint64_t seen = 0;  // rows given to Add
    uint64_t news = 0;  // changes among them, which the next Checkpoint or Close has written
  };
  struct Stats {
    uint64_t seen = 0;    // rows given to Add
    uint64_t logged = 0;  // changes written
    uint64_t frames = 0;
    std::map<TableName, TableStats> tables = {};
  };

  explicit CutWriter(CaptureLog& log);
  CutWriter(CaptureLog& log, Options options);
  ~CutWriter();

  // One row as it is now. `table` is remembered by its pointer. The cursor column's value becomes
  // the version. `anyway`: also where the log holds the very same values, which go by other names
  // now.
  void Add(const std::shared_ptr<const TableSchema>& table, Row row, bool anyway = false);
  // The row with that key (values of the key columns, in key order) is gone, as of `version`; NULL:
  // as of that of its last state. Dropped if the log says so already, or never held the key.
  // `deleted_at`: when, as far as the database tells, in microseconds since 2000-01-01 UTC; matters
  // with Users, where an unknown time counts as just after the state that is gone.
  void AddDeletion(const std::shared_ptr<const TableSchema>& table, Row key, Value version,
                   std::optional<int64_t> deleted_at = {});

  // Writes what is left with the cursor as it was, so that the log's index tells about all of it.
  void Flush();
  // Writes what is left with `cursor` on the last frame, without closing the cut: a range of an
  // initial load is done.
  void Checkpoint(const std::string& cursor);
  // The same, and closes the cut. With nothing to write: closes a cut left open earlier with a
  // kMark change, or else only saves the cursor. `tells`: there is something in the cursor that
  // readers of the log are to see, so it goes into a frame in any case.
  void Close(const std::string& cursor, bool tells = false);

  const Stats& stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
