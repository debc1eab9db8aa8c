#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline::capture {

// What triggers and defaults of PostgreSQL do to a column, as far as their texts tell. All
// functions are pure, take any text, and say what is worse where they cannot tell.

// What a column has to be moved to.
struct Stamp {
  enum Kind {
    kMoment,       // the time of the transaction, the statement or the call
    kLocalTime,    // that, or the local time of it
    kDay,          // that, or its day
    kSequence,     // the next number of `sequence`
    kTransaction,  // the id of the transaction
  };
  Stamp(Kind kind, std::string sequence = {}) : kind(kind), sequence(std::move(sequence)) {}

  Kind kind;
  std::string sequence;  // kSequence: "schema.name" in lower case; empty: any
};

enum class RowEvent { kInsert, kUpdate };

// What a trigger before a row is written does to the column, best first.
enum class Touch {
  kStamps,     // gives it the stamp, in every write that changes something
  kMayStamp,   // the same, in some writes
  kLeaves,     // nothing
  kOther,      // may give it something else
  kTakesBack,  // may give it the value that it had before
};

// An expression that is the stamp and nothing else: now(), current_timestamp(3), nextval('v').
bool GivesStamp(const std::vector<std::string>& words, const Stamp& stamp);

// Of the text of a PL/pgSQL trigger function.
Touch FunctionTouch(std::string_view text, std::string_view column, const Stamp& stamp,
                    RowEvent event);

// Whether a trigger of that text (pg_get_triggerdef) has no WHEN, or one that every such write
// meets that changes something.
bool FiresForEveryChange(std::string_view definition, RowEvent event);

}  // namespace syncline::capture
