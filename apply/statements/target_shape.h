#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"
#include "engine/sql/sql_text.h"

namespace syncline::apply {

// What the statements need to know of the table.
struct TargetShape {
  Dialect dialect = {};  // what the target is; of none nothing can be made
  TableName table;
  std::vector<Column> columns;   // those that are written, with the target's own types
  std::vector<std::string> key;  // in key order; among `columns`
  // By which the target compares them (Session::Operator), parallel to `key`; empty: all by "=".
  std::vector<sql::Sql> key_equals = {};
  // Which of them are equal only if their texts are, too, whatever the target says (KeyFit);
  // parallel to `key`; empty: none.
  std::vector<bool> key_texts = {};
  std::string cursor;           // empty: not on the target, which then has no versions
  std::string cursor_fallback;  // counts where `cursor` is NULL; empty: nothing does
  Type cursor_type = Type::kTimestampTz;
  std::string cursor_native;  // the target's own type of it, such as "timestamp(0) with time zone"
  // The target's own comparison says nothing of the moments that versions stand for: which of two
  // is the higher one, and whether they are one, is for the program to say (RowLooks).
  bool compares_stamps = false;

  // The column that tells which rows count as deleted, and are none as far as the log is concerned;
  // not among `columns`. Nothing: rows are deleted.
  std::optional<Column> flag = {};
  // Where rows are read, changed and deleted: OwnRows (engine/sql/table_info.h) of the table;
  // empty: the table with all that inherits from it.
  sql::Sql own_rows = {};

  bool has_versions() const { return !cursor.empty(); }
  // A row may be there that has the key of another one.
  bool may_be_taken() const { return !key_texts.empty(); }
  sql::Sql rows() const { return own_rows.empty() ? sql::Quote(table) : own_rows; }
  const sql::SqlDialect& words() const { return sql::DialectOf(dialect); }
};

// Columns that rows have here besides the target's. A NULL previous version: the log knows of no
// state before. The number of a row is its place among those that are written together.
inline constexpr char kPreviousColumn[] = "syncline_previous";
inline constexpr char kVersionColumn[] = "syncline_version";
inline constexpr char kRowColumn[] = "syncline_row";

// Terms of statements about a target's table, which is called `t` in them; parameters are numbered
// as in UpsertColumns and DeleteColumns (write_sql.h). All functions are pure.
namespace terms {

sql::Sql Column(const sql::Sql& table, const std::string& column);
// The version of a row of `table`.
sql::Sql CursorOf(const TargetShape& shape, const sql::Sql& table);
sql::Sql TargetCursor(const TargetShape& shape);
std::vector<std::string> Names(const TargetShape& shape);
bool IsKey(const TargetShape& shape, const std::string& column);
size_t PlaceOf(const TargetShape& shape, const std::string& column);
sql::Sql VersionParameter(const TargetShape& shape, size_t number);
// The version of the row that the parameters of UpsertColumns are.
sql::Sql OwnVersion(const TargetShape& shape);
// " AND ..": the texts of t.key are those of `other`, a table, too; empty where that is no
// question.
sql::Sql AndSameKeyTexts(const TargetShape& shape, const sql::Sql& other);
// t.key = the same of `other`, a table.
sql::Sql SameKey(const TargetShape& shape, const sql::Sql& other);
// t.key = the key's parameters in UpsertColumns, or in DeleteColumns.
sql::Sql KeyIs(const TargetShape& shape, bool deletion);
// Whether the target's row has a higher version than `version`; NULL where it is for the program to
// say, and only there.
sql::Sql IsNewer(const TargetShape& shape, const sql::Sql& version);
// Whether the target's row counts as deleted; there is a flag.
sql::Sql IsFlagged(const TargetShape& shape);
// " AND ..": the target's row does not count as deleted. Empty where rows are deleted.
sql::Sql AndNotFlagged(const TargetShape& shape);
// What the flag is set to, for a deletion of that version (empty: it has none), and what it is set
// back to.
sql::Sql FlagSet(const TargetShape& shape, const sql::Sql& version);
sql::Sql FlagCleared(const TargetShape& shape);
// Every value as a text that the database reads back as it was.
sql::Sql ExactTexts(const TargetShape& shape);

}  // namespace terms

}  // namespace syncline::apply
