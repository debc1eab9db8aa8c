#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "capture/cursor/capture_cursor.h"
#include "capture/plan/capture_plan.h"
#include "engine/base/logger.h"
#include "engine/model/row.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Rows that one statement reads by their keys.
inline constexpr size_t kKeysRead = 200;

// The rows that are not captured, as the cursor remembers them: those that are too large, and those
// that the source cannot give. Their keys, so that nothing is missing in silence. A row is
// forgotten when it is captured after all, or is gone; one of whose deletion nobody tells when
// Recheck does not find it. Belongs to one thread; borrows both.
class LargeRows {
 public:
  // The cursor's tables may still change, but then Recheck comes for each.
  LargeRows(CaptureCursor& cursor, Logger& logger) : cursor_(cursor), logger_(logger) {}

  // A row is too large; warns when that is news. Throws StopError when a table has so many of them
  // that they cannot be remembered.
  void Note(const CapturePlan& table, const Row& key, uint64_t bytes);
  // A row cannot be read; the same.
  void NoteUnreadable(const CapturePlan& table, const Row& key,
                      const CaptureCursor::Table::Unreadable& row);
  // The keys of a table's rows that could not be read, and may be by now.
  std::vector<Row> ToReadAgain(const CapturePlan& table) const;
  // A row is captured.
  void Forget(const CapturePlan& table, const Row& row) {
    if (any_) ForgetKey(table, Project(row, table.schema->key));
  }
  // A row is gone.
  void ForgetKey(const CapturePlan& table, const Row& key);
  // Whether one was noted or forgotten since this was asked last: who reads the log is to know.
  bool TakeNews() { return std::exchange(news_, false); }
  // Forgets the rows that are not at the source any more.
  void Recheck(sql::Session& session, const CapturePlan& table);

 private:
  CaptureCursor& cursor_;
  bool any_ = false;   // some table has, or had
  bool news_ = false;  // since TakeNews
  Logger& logger_;
};

}  // namespace syncline::capture
