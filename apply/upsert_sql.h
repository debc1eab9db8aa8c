#pragma once

#include <string>
#include <vector>

#include "apply/table_mapping.h"
#include "engine/model/row.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// The statements that write one target table and, in the same statement, decide conflicts
// (README.md has the rule). All functions are pure.

// What the statements need to know of the table.
struct TargetShape {
  Dialect dialect = Dialect::kPostgres;
  TableName table;
  std::vector<std::string> columns;  // those that are written
  std::vector<std::string> key;      // in key order; among `columns`
  std::string cursor;                // empty: not on the target, then the rule is kSourceWins
  Type cursor_type = Type::kTimestampTz;
  std::string cursor_native;  // the target's own type of it, such as "timestamp(0) with time zone"
  ConflictRule conflict = ConflictRule::kLatestWins;
};

// Columns that rows have here besides the target's. A NULL previous version: the log knows of no
// state before.
inline constexpr char kPreviousColumn[] = "syncline_previous";
inline constexpr char kVersionColumn[] = "syncline_version";

// What a row to be upserted consists of: `columns`, then the previous version where the rule looks
// at it.
std::vector<std::string> UpsertColumns(const TargetShape& shape);
// What a deletion consists of: `key`, then, unless the rule is kSourceWins, the previous version,
// then, with kLatestWins, the deletion's own version.
std::vector<std::string> DeleteColumns(const TargetShape& shape);

// Which rows of the target are the state that a change follows.
enum class Follows {
  kPrevious,     // that of the previous version
  kAnyUpToThat,  // those up to that version
};

// For one row; $1, $2 ... are UpsertColumns or DeleteColumns.
std::string UpsertRowSql(const TargetShape& shape, Follows follows = Follows::kPrevious);
std::string DeleteRowSql(const TargetShape& shape, Follows follows = Follows::kPrevious);

// A temporary table of those columns, in the target's own types so that the server converts values
// in one place only. PostgreSQL; its rows vanish at commit.
std::string CreateUpsertStageSql(const TargetShape& shape, const TableName& stage);
std::string CreateDeleteStageSql(const TargetShape& shape, const TableName& stage);

// The same decisions as the statements for one row, for everything in the stage.
std::string UpsertStagedSql(const TargetShape& shape, const TableName& stage);
std::string DeleteStagedSql(const TargetShape& shape, const TableName& stage);

// How many of the stage's rows meet a target row of a higher version; `stage_version` is the
// stage's column to compare with.
std::string CountNewerStagedSql(const TargetShape& shape, const TableName& stage,
                                const std::string& stage_version);
// The same for a list of (key ..., version) rows that stands in the statement; SQLite. At least one
// row.
std::string CountNewerSql(const TargetShape& shape, const std::vector<Row>& keys_and_versions);

}  // namespace syncline::apply
