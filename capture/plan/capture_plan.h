#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/plan/capture_method.h"
#include "capture/plan/deletes.h"
#include "capture/plan/known_kinds.h"
#include "capture/plan/soft_flag.h"
#include "capture/plan/table_spec.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::capture {

// How the cursor of a table tells what is new.
enum class CursorKind {
  kTimestampTz,  // a moment
  kTimestamp,    // local time in the zone of whoever wrote it
  kDate,         // the same, by the day
  kInteger,      // PostgreSQL: drawn from a sequence
  kXid,          // PostgreSQL: xid8, the id of the transaction that wrote the row
  kStored,       // SQLite: whatever is stored, in SQLite's own order
  kXmin,         // PostgreSQL: no column, but the id of the transaction that wrote the row
  kNone,         // nothing tells: the whole table is compared with the log
};

// A table to capture, as the configuration and the catalogue together describe it: what to read and
// in what order. Plain value type; made anew for each session, so that changed tables are noticed.
struct CapturePlan {
  std::shared_ptr<const TableSchema> schema;
  CursorKind cursor_kind = CursorKind::kTimestampTz;
  sql::TableInfo::Kind table_kind = sql::TableInfo::Kind::kTable;
  sql::Reach reach;              // what sessions that read the table have to be allowed
  bool counts_up = false;        // the cursor's own highest value is what bounds the next poll
  bool key_may_be_null = false;  // as far as the catalogue knows
  std::string zone;              // TableSpec::zone
  sql::Sql set;                  // the configured condition; empty: all rows
  sql::Sql where;  // the configured condition, and that the cursor is not NULL; empty: all rows
  sql::Sql null_cursor;  // holds for the rows that are never read, their cursor being NULL;
                         // empty: none can be
  bool finds_null_cursors = false;  // by an index
  std::optional<SoftFlag> flag;     // rows in which it is set are deletions
  // When the log's keys are looked for; by CaptureMethod::kCompare: when the table is compared.
  std::optional<Deletes::Reconcile> reconcile;
  DeleteLimit max_deletes;
  // The table that triggers fill with deleted keys (tombstones.h); null: there is none.
  std::shared_ptr<const CapturePlan> tombstones;
  // By which the source compares key columns (Session::Operator), parallel to the key; empty: by
  // "=" and ">".
  std::vector<sql::Sql> key_equals, key_above;
  sql::Sql key_order;   // ORDER BY of a load
  sql::Sql poll_order;  // ORDER BY of a poll: cursor, then key; empty: any order will do
  // What decides which states the log should hold (key, cursor, where, omitted columns, the flag of
  // a soft deletion), as a short hash: a table that was loaded by another definition is loaded
  // again.
  std::string definition;
  uint64_t row_bytes_max = 0;  // TableSpec::row_bytes_max

  std::string name() const { return schema->table.ToString(); }
  // What its rows are read from: those of heirs are not among them.
  sql::Sql from() const { return sql::OwnRows(schema->table, table_kind, schema->dialect); }
  // What orders the states of a row: a column, or coalesce(a, b). Empty: nothing does.
  sql::Sql cursor_sql() const;
  CaptureMethod method() const;
  // Its place in the list of key columns is its place in a key row.
  std::vector<std::string> key_columns() const;
  sql::Sql key_equal(size_t place) const { return key_equals.empty() ? "=" : key_equals[place]; }
};

// Pure. Throws UsageError, naming the table and what to do, for an unknown column, a table without
// a key, and a cursor column of a type that cannot be polled by.
CapturePlan MakePlan(const TableSpec& spec, const sql::TableInfo& info, Dialect dialect);

// Looks the table up. Throws UsageError as MakePlan does, and for a missing table and a condition
// that the database does not understand; as RefuseRowSecurity does, too. Does not look for
// tombstones. A table that has become a view or a foreign table since it was read (`known`) is an
// error, before anything of it is run.
CapturePlan PlanTable(sql::Session& session, const TableSpec& spec, const KnownKinds& known = {});
// All of them, ready to be captured: throws as PlanTombstones does, too.
std::vector<CapturePlan> PlanTables(sql::Session& session, const std::vector<TableSpec>& specs,
                                    const KnownKinds& known = {});

// Throws UsageError if there is a row whose key holds NULL. Looks only where the catalogue does not
// rule it out.
void RefuseNullKeys(sql::Session& session, const CapturePlan& plan);

// The configured condition of a table, TableSpec::where, in parentheses; empty: all rows.
sql::Sql ConditionSql(const std::string& where);

// `a` AND `b`, where an empty condition holds for all rows.
sql::Sql And(const sql::Sql& a, const sql::Sql& b);

}  // namespace syncline::capture
