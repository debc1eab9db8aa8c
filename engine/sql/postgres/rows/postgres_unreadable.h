#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/row.h"
#include "engine/sql/postgres/link/postgres_connection.h"
#include "engine/sql/postgres/rows/postgres_types.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// Whether the database may hold text that it cannot give as UTF-8: its encoding is another one.
bool MayHoldUnreadable(const PostgresConnection& connection);
// Whether that is what an error with this code says.
bool IsUnreadable(std::string_view code);

// The rows of a read, within a transaction, whose text the database cannot give as UTF-8. They are
// found by the places at which they are stored, for their keys may be what cannot be read. Borrows
// all three; belongs to the session's thread.
class UnreadableRows {
 public:
  // Asks the server about all rows of `read`, within its limit. Throws what the server says where
  // rows have no places: of views and foreign tables.
  UnreadableRows(PostgresConnection& connection, const Session::Read& read,
                 const std::vector<Oid>& types);

  size_t count() const { return rows_.size(); }
  // Holds for all other rows.
  Sql Others() const;
  // Tells read.unreadable of each.
  void Tell();

 private:
  struct Place {
    std::string table, tuple;  // tableoid and ctid
  };

  // Adds those of `places`, of one table, that hold such text in one of `columns`.
  void Find(std::span<const Place> places, const std::vector<Sql>& columns);
  bool Holds(std::span<const Place> places, const std::vector<Sql>& columns);
  void TellOne(const Place& place);

  PostgresConnection& connection_;
  const Session::Read& read_;
  const std::vector<Oid>& types_;
  std::vector<Place> rows_;
};

}  // namespace syncline::sql
