#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apply/batch.h"
#include "apply/table_plan.h"
#include "apply/upsert_sql.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// What became of changes that were given to a target.
struct WriteCounts {
  uint64_t written = 0;  // inserted, updated or deleted
  uint64_t newer = 0;    // left alone because the target's row has a higher version

  WriteCounts& operator+=(const WriteCounts& other);
};

// Writes the changes of one captured schema into one target table. Many rows go to PostgreSQL by
// COPY into a temporary table and one statement from there; few rows, and everything in SQLite, by
// a prepared statement each. Both decide conflicts alike, in the statement that writes
// (upsert_sql.h).
//
// Borrows the session, belongs to its thread and lives no longer. Everything happens in the
// session's current transaction; after an exception the writer must be thrown away together with
// the session.
class TableWriter {
 public:
  // From this many rows on, COPY and a set-based statement are the faster way.
  static constexpr size_t kStagedRowsMin = 200;

  // `info` describes the plan's target as PrepareTargetTable left it. `number` tells this writer's
  // temporary tables from those of the session's other writers.
  TableWriter(sql::Session& session, TablePlan plan, const sql::TableInfo& info, size_t number);
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  // Each at most once in a transaction, with `changes` in key order; uses them up. With `whole`
  // PostgreSQL writes all rows in one statement, however few: rows that reference each other then
  // need no order.
  WriteCounts Upsert(std::vector<RowChange>& changes, bool whole);
  WriteCounts Delete(std::vector<RowChange>& changes, bool whole);

 private:
  // How one kind of change is written: the statement for one row, the temporary table for many and
  // the statements around it.
  struct Stage {
    std::string row_sql;
    std::string up_to_sql;  // the same with Follows::kAnyUpToThat
    TableName name;
    std::string create_sql;
    std::vector<std::string> columns;  // what a row given to Write consists of
    std::string write_sql;
    std::string count_newer_sql;            // empty where rows carry no version of their own
    std::optional<uint32_t> previous;       // index into `columns` of the previous version
    std::vector<uint32_t> key_and_version;  // indexes into `columns`
    bool created = false;
  };

  // `rows` are what `changes` became, in `stage.columns`.
  WriteCounts Write(Stage& stage, const std::vector<Row>& rows,
                    const std::vector<RowChange>& changes, bool whole);
  uint64_t FollowPassed(const Stage& stage, const std::vector<Row>& rows,
                        const std::vector<RowChange>& changes,
                        const std::vector<uint32_t>& unchanged);
  void Load(Stage& stage, std::span<const Row* const> rows);
  uint64_t CountNewer(Stage& stage, std::span<const Row* const> rows);

  sql::Session& session_;
  const TablePlan plan_;
  const TargetShape shape_;
  Stage upserts_;
  Stage deletes_;
};

}  // namespace syncline::apply
