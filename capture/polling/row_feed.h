#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "capture/cursor/capture_cursor.h"
#include "capture/plan/capture_plan.h"
#include "capture/polling/capture_stats.h"
#include "capture/polling/large_rows.h"
#include "engine/base/error.h"
#include "engine/log/capture_log.h"
#include "engine/log/cut_writer.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Carries rows from a session's streams into the log, counts them, and tells the log's errors from
// the source's. Belongs to one thread; borrows everything.
class RowFeed {
 public:
  // `users`: as CutWriter says. Rows that are too large are noted in `large`, the forms of stamps
  // in `cursor`, of which only they change.
  RowFeed(sql::Session& session, CaptureLog& log, CaptureStats& stats, LargeRows& large,
          CaptureCursor& cursor, const CutWriter::Users* users = nullptr)
      : session_(session),
        log_(log),
        stats_(stats),
        large_(large),
        cursor_(cursor),
        users_(users) {}

  // Rows read together, which reach the log together. Borrows the feed.
  class Batch {
   public:
    // With the feed's users, whatever `options` say.
    explicit Batch(RowFeed& feed, CutWriter::Options options = {});
    // One row that was read elsewhere; a deletion if its flag says so. One whose stamp is no moment
    // in a column of moments stays at the source, as one that cannot be read.
    void Add(const CapturePlan& table, Row row);
    // Streams the rows of `table` that satisfy `condition`, beyond the table's own; the number of
    // rows. `watch` sees each one before the log takes it; one whose flag of a soft deletion is set
    // it takes as a deletion. One that is too large it does not take: `watch` sees only its key and
    // its cursor. Throws StopError for a key that holds NULL.
    uint64_t Read(const CapturePlan& table, const sql::Sql& condition, const sql::Sql& order_by,
                  uint64_t limit, const std::function<void(const Row&)>& watch);
    // The rows of those keys, whatever else says that they are not new. `gone_is_deleted`: those
    // that are not there are.
    void ReadAgain(const CapturePlan& table, const std::vector<Row>& rows, bool gone_is_deleted);
    // Streams the table's tombstones that satisfy `condition`, each a deletion, in the order of
    // their cursor; `watch` sees each one. A key with NULL in it was never in the log.
    uint64_t ReadTombstones(const CapturePlan& table, const sql::Sql& condition,
                            const std::function<void(const Row&)>& watch);
    // One that was found to be too large elsewhere.
    void NoteTooLarge(const CapturePlan& table, const Row& key, uint64_t bytes) {
      feed_.large_.Note(table, key, bytes);
    }
    // One that was found to be unreadable elsewhere.
    void NoteUnreadable(const CapturePlan& table, const Row& key,
                        const CaptureCursor::Table::Unreadable& row) {
      feed_.large_.NoteUnreadable(table, key, row);
    }
    // The row with that key is not there any more; as CutWriter::AddDeletion.
    void Delete(const CapturePlan& table, Row key, Value version);
    // As CutWriter says.
    void Flush();
    void Checkpoint(const std::string& cursor);
    void Close(const std::string& cursor, bool tells = false);

    uint64_t logged() const { return writer_.stats().logged; }

   private:
    // What has been written since the last call, into the stage's statistics.
    void Account();

    RowFeed& feed_;
    CutWriter writer_;
    uint64_t counted_ = 0;                                  // of logged()
    std::map<TableName, CutWriter::TableStats> accounted_;  // of the writer's tables
  };

  // Every row of that table counts as one that the log does not hold, or, from now on, not.
  void LogAnyway(const TableName& table, bool anyway) {
    if (anyway) {
      renamed_.insert(table);
    } else {
      renamed_.erase(table);
    }
  }

  // The Error that is on its way came from the log.
  bool log_failed() const { return log_failed_; }

 private:
  template <typename Body>
  void InLog(Body&& body) {
    try {
      std::forward<Body>(body)();
    } catch (const Error&) {
      log_failed_ = true;
      throw;
    }
  }

  // False: it has no place among the others'.
  bool NoteForm(const CapturePlan& table, const Row& row);

  sql::Session& session_;
  CaptureLog& log_;
  CaptureStats& stats_;
  LargeRows& large_;
  CaptureCursor& cursor_;
  std::shared_ptr<const TableSchema> noted_;  // whose forms were noted last
  StampForms* forms_ = nullptr;               // of that table, in cursor_
  const CutWriter::Users* const users_;
  std::set<TableName> renamed_;  // as LogAnyway was told
  bool log_failed_ = false;
};

// Throws StopError for a row whose key holds NULL.
void CheckKey(const CapturePlan& table, const Row& row);

}  // namespace syncline::capture
