#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/sql/session.h"
#include "engine/sql/sqlite/sqlite_connection.h"

namespace syncline::sql {

// While this lives SQLite refuses to fetch a value that is longer than `bytes_max`, before it takes
// memory for it: SQLITE_TOOBIG. Borrows the connection. Belongs to the session's thread.
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

// Whether a row that is too large is told with this column's value: one of the key or the cursor.
bool IsTold(const TableSchema& schema, uint32_t column);

// What the current row's texts and blobs take. Makes none of them.
uint64_t StringBytes(sqlite3_stmt* handle, size_t columns);

// The code of SqliteLengthLimit's error.
inline constexpr std::string_view kTooBig = "SQLITE_TOOBIG";

// The rows of a table that are too large, found without fetching their values: SQLite tells the
// length of a stored value that is opened as a blob. Where that does not do (a view, a generated
// column, a virtual table), a row is too large when one of its values is refused by the
// SqliteLengthLimit, which has to be there. Belongs to the session's thread.
class SqliteLargeRows {
 public:
  // Tells `read.too_large` of each row of the read, whatever its limit says. Of a key that is
  // itself too large its beginning is told, and a cursor that is, is told as NULL. Throws StopError
  // where they cannot be told: a table without row ids whose key is too large.
  SqliteLargeRows(SqliteConnection& connection, const Session::Read& read);

  bool any() const { return !ids_.empty(); }
  uint64_t count() const { return ids_.size(); }
  // The condition that a row is none of them.
  Sql Others() const;

 private:
  struct Id {
    int64_t row_id = 0;  // where it is told by one
    Sql values;          // literals, parallel to id_
  };

  void Identify();
  void Look(const Sql& where, const Sql& order_by);
  Sql Is(const Id& id) const;
  bool Matches(const Id& id);
  uint64_t BytesOf(const Id& id);
  Row WithoutValues(const Id& id);
  void AppendBeginning(const Id& id, uint32_t column, Row& row);

  SqliteConnection& connection_;
  const Session::Read& read_;
  Sql id_;                     // what a row is told by: a name of its row id, or its key columns
  std::vector<uint32_t> key_;  // these; none: by its row id
  bool opens_ = false;         // stored values can be opened as blobs
  std::vector<Sql> ids_;       // of the rows that are too large
};

}  // namespace syncline::sql
