#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline::capture {

// Whether SQLite itself moves a column, as far as the texts of its defaults and triggers tell. All
// functions are pure, and say no where they cannot tell.

// What the text of one trigger, of a table whose cursor is `column`, does to it.
struct SqliteMove {
  bool on_insert = false;   // in every one
  bool on_update = false;   // in every one
  bool guarded = false;     // only in those that have not set it themselves
  bool local_time = false;  // it stamps by the clock of a zone
  bool other = false;       // it may give it something else
};
SqliteMove MoveOf(std::string_view trigger, std::string_view table, std::string_view column);

// A default of SQLite that stamps by the clock, of a zone or not.
bool GivesSqliteTime(const std::vector<std::string>& words);
bool IsLocalTime(const std::vector<std::string>& words);

// A name that people give to the time at which a row was made.
bool IsCreationName(std::string_view column);

}  // namespace syncline::capture
