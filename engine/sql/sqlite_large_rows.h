#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/sql/session.h"
#include "engine/sql/sqlite_connection.h"

namespace syncline::sql {

// While this lives SQLite refuses to fetch a value that is longer than `bytes_max`, before it takes
// memory for it: SQLITE_TOOBIG. Borrows the connection.
class SqliteLengthLimit {
 public:
  SqliteLengthLimit(SqliteConnection& connection, uint64_t bytes_max);
  ~SqliteLengthLimit();
  SqliteLengthLimit(const SqliteLengthLimit&) = delete;
  SqliteLengthLimit& operator=(const SqliteLengthLimit&) = delete;

 private:
  SqliteConnection& connection_;
  const int before_;
};

// The row with NULL for every value outside of the key and the cursor.
Row WithoutLargeValues(const TableSchema& schema, const Row& row);

// The rows of a table that are too large, found without fetching their values: SQLite tells the
// length of a stored value that is opened as a blob.
class SqliteLargeRows {
 public:
  // Tells `read.too_large` of each row of the read, whatever its limit says, in its order. Throws
  // StopError for a view or a table without rowids.
  SqliteLargeRows(SqliteConnection& connection, const Session::Read& read);

  bool any() const { return !row_ids_.empty(); }
  uint64_t count() const { return row_ids_.size(); }
  // The condition that a row is none of them.
  Sql Others() const;

 private:
  uint64_t BytesOf(int64_t row_id);
  Row WithoutValues(int64_t row_id);

  SqliteConnection& connection_;
  const Session::Read& read_;
  Sql row_id_;  // the name under which the table has them
  std::vector<int64_t> row_ids_;
};

}  // namespace syncline::sql
