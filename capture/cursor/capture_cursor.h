#pragma once

#include <map>
#include <optional>
#include <string>

#include "capture/cursor/guarantee.h"
#include "capture/cursor/stamp_forms.h"
#include "capture/cursor/tick_ledger.h"
#include "capture/plan/capture_method.h"
#include "capture/plan/table_mark.h"
#include "engine/model/row.h"
#include "engine/model/schema.h"
#include "engine/model/value.h"
#include "engine/sql/database_mark.h"
#include "engine/sql/table_info.h"

namespace syncline::capture {

// How far capture has read a source: what the log stores as its cursor. Holds the configured tables
// only: one that is taken out of the configuration and comes back is loaded
// again, since nobody watched it meanwhile. README.md describes the JSON. Plain value type.
struct CaptureCursor {
  struct Table {
    bool loaded = false;     // the initial load is done
    std::string definition;  // CapturePlan::definition that it was loaded by
    CaptureMethod method = CaptureMethod::kCursor;
    std::optional<Row> after;  // while loading: the key of the last row that is in the log
    std::optional<Guarantee> guarantee;  // nothing: not known
    // How far the keys in the log were looked for on the source; nothing: never.
    struct Reconciled {
      int64_t begun_us = 0;  // when the last round was begun, by the source's clock
      bool under_way = false;
      std::optional<Row> after;  // under way: the last key that was looked for; none: not one
      uint64_t rows = 0;         // under way: so many keys were looked for
      uint64_t gone = 0;         // under way: so many of them are gone and not logged yet
      // Under way for the second time: so many deletions were counted, and are being logged.
      std::optional<uint64_t> counted;
      bool operator==(const Reconciled&) const = default;
    };
    std::optional<Reconciled> reconciled;
    // Rows that are too large to be captured, by the bytes of their keys: how many bytes they take.
    std::map<std::string, uint64_t> too_large;
    // Rows that the source cannot give, by the bytes of their keys.
    struct Unreadable {
      std::string why;
      bool key_is_known = true;  // otherwise it is a text about it
      bool operator==(const Unreadable&) const = default;
    };
    std::map<std::string, Unreadable> unreadable;
    // What it was when it was read; nothing: an earlier version has not noted it.
    std::optional<sql::TableInfo::Kind> kind;
    // CapturePlan::counts_up: the highest cursor value known to be visible. Of PostgreSQL's
    // tombstones: the horizon (tombstone_horizon.h) up to which the log's keys were looked for.
    Value seen;
    StampForms forms;  // SQLite: in which the cursor's values were met
    TableMark mark;    // the table that was read; empty: not known
    // What the log holds and it lacks has yet to be deleted, although nothing tells of it: the
    // table has come in the place of another, or its tombstones were dropped or not written.
    bool owes_deletions = false;
    // Values that the log holds go by other names now: until it is loaded, every row is logged.
    bool renamed = false;
    bool operator==(const Table&) const = default;
  };

  std::map<TableName, Table> tables;
  TickLedger ticks;            // SQLite: only the clock of the last poll
  sql::DatabaseMark database;  // that was read; without a body: not known

  // Empty text is the cursor of a new log. Throws StopError for a format that this program is too
  // old for, DamageError for anything else that is not a cursor.
  static CaptureCursor Parse(const std::string& text);
  std::string ToString() const;
  bool operator==(const CaptureCursor&) const = default;
};

// Writes cursors as CaptureCursor::ToString does, one after the other: what a table's entry was the
// last time is not written anew. Belongs to one thread.
class CursorWriter {
 public:
  // Lasts until the next call.
  const std::string& Write(const CaptureCursor& cursor);

 private:
  struct Entry {
    CaptureCursor::Table table;
    std::string text;
  };
  std::map<TableName, Entry> entries_;
  std::string text_;
};

}  // namespace syncline::capture
