#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline::capture {

// What triggers and defaults of PostgreSQL do to a column, as far as their texts tell. All
// functions are pure, take any text, and say what is worse where they do not know every word.

// What a column has to be moved to.
struct Stamp {
  enum Kind {
    kMoment,       // the time of the transaction, the statement or the call
    kLocalTime,    // that, or the local time of it
    kDay,          // that, or its day
    kSequence,     // the next number of a sequence
    kTransaction,  // the id of the transaction
  };
  Stamp(Kind kind, std::vector<std::string> sequence = {})
      : kind(kind), sequence(std::move(sequence)) {}

  Kind kind;
  std::vector<std::string> sequence;  // kSequence: the texts that name it; empty: any
  // Other schemas have functions or types of such names, too: only those count of which the text
  // says that they are pg_catalog's.
  bool qualified = false;
};

enum class RowEvent { kInsert, kUpdate };

// What a trigger before a row is written does to the column, best first.
enum class Touch {
  kStamps,         // gives it the stamp, in every write
  kStampsChanged,  // the same, where NEW and OLD are not equal by their types
  kMayStamp,       // the same, in some writes
  kLeaves,         // nothing
  kSeemsToLeave,   // nothing that its text tells, of which not every word is understood
  kOther,          // may give it something else
  kTakesBack,      // may give it the value that it had before
};

// An expression that is the stamp and nothing else: now(), current_timestamp(3), nextval('v').
bool GivesStamp(const std::vector<std::string>& words, const Stamp& stamp);

// Of the text of a PL/pgSQL trigger function. Understood is a BEGIN .. END of assignments to NEW's
// columns by plain expressions, IF, RAISE, NULL and RETURN, and nothing else.
Touch FunctionTouch(std::string_view text, std::string_view column, const Stamp& stamp,
                    RowEvent event);

// When a trigger fires.
enum class Fires {
  kAlways,
  kRowStored,    // where what is stored of the row is another (*<>), as it is at that moment
  kRowDistinct,  // where NEW and OLD are not equal by their types
  kSometimes,
};
// Of the text that pg_get_triggerdef gives.
Fires FiresWhen(std::string_view definition, RowEvent event);

}  // namespace syncline::capture
