#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/model/row.h"
#include "engine/model/schema.h"
#include "engine/model/value.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

struct ApplyPlan;

// How a key column of a target takes the values of the source's: whether two keys that the source
// tells apart can be one there. Plain value type.
struct KeyFit {
  enum class Kind {
    kExact,     // as they are
    kCompared,  // stored as they are, but compared as equal where they differ: citext, NOCASE
    kForms,     // only values that HoldsKey are stored as they are, others as another one
    kMerged,    // other values than come are stored, and nothing here could tell which
  };
  // What kForms makes of a value.
  enum class Form {
    kAny,        // what it is
    kNoBlanks,   // without blanks at its end, where it is longer than `length` characters
    kPadded,     // without blanks at its end
    kName,       // its first 63 bytes
    kNumber,     // a number, where it looks like one: SQLite's columns that are not for text
    kCanonical,  // the one text of a value of `type`
  };

  Kind kind = Kind::kExact;
  Form form = Form::kAny;
  size_t length = 0;
  Type type = Type::kText;
  std::string column;  // of the target, with its type: "t (numeric)"
  std::string why;     // "compares as public.citext does"

  // Such keys are told apart by their texts, beside the comparison of the target's own. True for
  // the exact numbers that texts are, too.
  bool is_compared() const;
  std::string ToString() const;
};

// Of the plan's key columns, in key order; empty: all are kExact. What the source compares as equal
// itself (another collation than the byte-wise one) it does not tell, so it counts as telling all
// texts apart. By a query where a key column holds text. `target` describes the table.
std::vector<KeyFit> KeyFitsOf(sql::Session& session, const ApplyPlan& plan,
                              const sql::TableInfo& target);

// Throws UsageError for a plan with a key column of KeyFit::Kind::kMerged.
void RefuseMergedKeys(const ApplyPlan& plan, const sql::TableInfo& target, Dialect dialect);

// The statement that makes two keys of such a column two on the target, for people.
std::string KeyFitHint(const ApplyPlan& plan, size_t place, Dialect target);

// A change, of that number in its call, that is parked like those that the database refuses: the
// target finds another row for its key.
Error KeyIsTaken(uint32_t number);

// Whether a column of that fit stores `value` as it is, or refuses it.
bool HoldsKey(const KeyFit& fit, ValueView value);

// The first column that does not hold its part of `key`; null: all do.
const KeyFit* NotHeldBy(const std::vector<KeyFit>& fits, const Row& key);
// The refusal of such a change.
Error KeyIsNotHeld(const KeyFit& fit, uint32_t number);

}  // namespace syncline::apply
