#pragma once

#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/sql_text.h"

namespace syncline::sql {

// What a database's catalogue says of a table. Plain value types.
struct ColumnInfo {
  Column column;
  bool generated = false;          // computed by the database; cannot be written
  bool identity_always = false;    // can be given a value when a row is inserted, never after that
  std::string default_expression;  // also an identity column's clause; empty: none
};

struct ForeignKey {
  TableName references;
  std::vector<std::string> columns;
  bool deferrable = false;
  std::string name = {};  // the constraint's; empty on SQLite, which does not tell
};

// What else than tables is read with a table: beneath a view, or as parts of a table.
struct Reach {
  bool views = false;
  bool foreign_tables = false;
};

struct TableInfo {
  enum class Kind { kTable, kPartitioned, kView, kForeign };

  TableName name;
  Kind kind = Kind::kTable;
  Reach reach = {};  // PostgreSQL
  std::vector<ColumnInfo> columns;       // in the table's order
  std::vector<std::string> primary_key;  // in key order; empty: none
  std::vector<std::vector<std::string>>
      unique_keys;  // other unique indexes over plain NOT NULL columns, without a predicate
  // All unique indexes over plain columns besides the primary key's, NULL allowed or not.
  std::vector<std::vector<std::string>> unique_indexes;
  std::vector<std::string> indexed;  // columns that are the first of some index
  std::vector<ForeignKey> foreign_keys;

  const ColumnInfo* Find(std::string_view column) const;
  // As a database of that kind compares names: in SQLite a and A are one.
  const ColumnInfo* Find(std::string_view column, Dialect dialect) const;
};

// What a statement names to read or write the rows of a table without those of tables that inherit
// from it: ONLY "public"."items". Of partitioned tables, and in SQLite, the table's name.
Sql OwnRows(const TableName& table, TableInfo::Kind kind, Dialect dialect);

}  // namespace syncline::sql
