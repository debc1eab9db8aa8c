#pragma once

#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/sql_text.h"

namespace syncline::capture {

// What tombstones are made of on a source, as SQL text: a table for each captured table, which
// triggers of that table fill with the keys of rows that go. All functions are pure.

// When a key was written down; what polls of a PostgreSQL source go by. SQLite's go by a number,
// which is always counted up.
inline constexpr char kDeletedAtColumn[] = "syncline_deleted_at";
inline constexpr char kTombstoneIdColumn[] = "syncline_id";
// The same two as terms of a statement.
inline constexpr sql::Sql kDeletedAt = kDeletedAtColumn;
inline constexpr sql::Sql kTombstoneId = kTombstoneIdColumn;

// What a text begins with that tells up to where tombstones are not complete (tombstone_horizon.h);
// a cursor follows. On SQLite it stands in kDeletedAtColumn of the row with this number.
inline constexpr char kHorizonText[] = "Syncline has not kept deletions up to ";
inline constexpr int kHorizonId = 0;

// PostgreSQL's triggers are named alike on every table.
inline constexpr char kDeleteTrigger[] = "syncline_tombstones_delete";
inline constexpr char kUpdateTrigger[] = "syncline_tombstones_update";
inline constexpr char kTruncateTrigger[] = "syncline_tombstones_truncate";

// "syncline_tombstones_" and the table's name, shortened to what fits into an identifier of
// PostgreSQL; in the table's own schema.
TableName TombstoneTable(const TableName& table);
bool IsTombstoneTable(const TableName& table);

// What the statements have to know of the table.
struct TombstoneShape {
  Dialect dialect = {};
  TableName table;
  std::vector<Column> key;           // in key order
  std::vector<sql::Sql> key_equals;  // CapturePlan::key_equals
  // PostgreSQL: a trigger for each row, where one for each statement would not see every deletion:
  // those on a partition itself, and those of a subscription.
  bool by_row = false;
  // PostgreSQL: the captured table's owner, who is to own what is made; empty: whoever makes it.
  std::string owner;
  bool partitioned = false;           // PostgreSQL
  std::vector<TableName> partitions;  // PostgreSQL: all of them, whose TRUNCATE has to be seen, too
  // SQLite: other unique keys, by which REPLACE deletes rows without a word to any trigger.
  std::vector<std::vector<std::string>> other_keys;
  std::vector<std::string> installed;  // SQLite: the triggers that are there, by name
};

struct TombstoneTrigger {
  std::string name;
  sql::Sql sql;
};

// PostgreSQL: the body of the function behind the triggers.
sql::Sql TombstoneFunctionBody(const TombstoneShape& shape);
// SQLite: the triggers, each as sqlite_schema shows it when it is there.
std::vector<TombstoneTrigger> TombstoneTriggers(const TombstoneShape& shape);

// To be run in one transaction, as somebody who may create tables in the schema and triggers on the
// table. What is there is replaced, the tombstone table kept. `reader` may read it; empty: nobody
// has to be told.
std::vector<sql::Sql> InstallTombstonesSql(const TombstoneShape& shape, const std::string& reader);
std::vector<sql::Sql> RemoveTombstonesSql(const TombstoneShape& shape);

}  // namespace syncline::capture
