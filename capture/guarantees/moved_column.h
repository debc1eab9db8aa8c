#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline::capture {

// Whether SQLite itself moves a column, as far as the texts of its defaults and triggers tell. All
// functions are pure, and say no where they do not know every word.

// A table of SQLite and what its triggers should move.
struct SqliteTable {
  std::string name;
  std::string column;            // its cursor
  std::vector<std::string> key;  // the columns of its primary key
  bool key_has_null = false;     // it may be NULL in a column of the key
  bool has_rowid = false;        // `rowid` names it
};

// What the text of one trigger does to a table's cursor.
struct SqliteMove {
  bool on_insert = false;     // gives every row that is inserted the stamp
  bool on_update = false;     // every row that is updated
  bool guarded = false;       // only those that have not set it themselves
  bool counted = false;       // the stamp is a number above those that are there
  bool local_time = false;    // it stamps by the clock of a zone
  bool other = false;         // it may give the column something else
  bool ignores = false;       // it may leave out what other triggers do
  bool writes_table = false;  // it writes rows of the table, and is no plain stamp
  bool writes = false;        // it writes rows of any table, and is no plain stamp
};
// A plain stamp is an AFTER trigger that does nothing but UPDATE that column of the row that it was
// fired by, found by its whole key.
SqliteMove MoveOf(std::string_view trigger, const SqliteTable& table);

// A default, or what a trigger sets, that is the moment and nothing else, in a form that orders.
bool GivesSqliteTime(const std::vector<std::string>& words);
// By the clock of a zone.
bool IsLocalTime(const std::vector<std::string>& words);

// A name that people give to the time at which a row was made.
bool IsCreationName(std::string_view column);

}  // namespace syncline::capture
