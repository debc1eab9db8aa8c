#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline::capture {

// Whether the database itself moves a column, as far as the texts of its defaults and triggers
// tell. All functions are pure, and say no where they cannot tell.

// What a column is moved to.
enum class Stamp {
  kMoment,       // the time of the transaction, the statement or the call
  kSequence,     // the next number of a sequence
  kTransaction,  // the id of the transaction
};

// A default's expression gives that.
bool GivesStamp(const std::vector<std::string>& words, Stamp stamp);

// The text of a PL/pgSQL trigger function that runs before a row is updated sets NEW.column to
// that, in every update that changes something.
bool FunctionMoves(std::string_view text, std::string_view column, Stamp stamp);
// The text of pg_get_triggerdef: it has no WHEN, or one that an update that changes something
// meets.
bool FiresForEveryChange(std::string_view definition);

// SQLite: what the text of one trigger, of a table whose cursor is `column`, does to it.
struct SqliteMove {
  bool on_insert = false;
  bool on_update = false;   // in every one
  bool local_time = false;  // it stamps by the clock of a zone
};
SqliteMove MoveOf(std::string_view trigger, std::string_view table, std::string_view column);

// A default of SQLite that stamps by the clock, of a zone or not.
bool GivesSqliteTime(const std::vector<std::string>& words);
bool IsLocalTime(const std::vector<std::string>& words);

// A name that people give to the time at which a row was made.
bool IsCreationName(std::string_view column);

}  // namespace syncline::capture
