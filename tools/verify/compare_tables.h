#pragma once

#include <cstdint>

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::cli {

// One side of a comparison: a table and the columns to read, in the order in which they are
// compared. Borrows the session.
struct TableSide {
  sql::Session& session;
  TableSchema schema;
};

struct Comparison {
  uint64_t rows = 0;       // on both sides
  uint64_t missing = 0;    // only in the source
  uint64_t extra = 0;      // only in the target
  uint64_t differing = 0;  // on both sides with different values

  bool equal() const { return missing + extra + differing == 0; }
};

// All columns of a table with its primary key. Throws UsageError when there is no such table, or no
// key.
TableSide DescribeSide(sql::Session& session, const TableName& table);

// Walks both tables in key order, page by page, and compares every value of every row. Both
// databases must order keys as CompareValues does, which SQLite does, and PostgreSQL for numbers
// and times.
Comparison CompareTables(const TableSide& source, const TableSide& target);

}  // namespace syncline::cli
