#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

struct ApplyPlan;

// A column of a target whose type does not hold every value of the source's as it is, and takes it
// all the same. Plain value type.
struct Narrowing {
  std::string column;     // under its name on the target
  std::string from, to;   // the two types as their databases call them
  std::string becomes;    // what is made of such values: "rounded to whole seconds"
  bool certain = true;    // false: what the source declares says nothing of what is there
  bool reversed = false;  // on the way from the target back to the source

  std::string ToString() const;
};

// What becomes of values of `source` that a column like `target` does not hold as they are; nothing
// where it holds or refuses each. Types of users are taken at their names. Of text in SQLite
// nothing is said, save for another SQLite database: it may be meant as anything. Pure.
std::optional<std::string> LossOf(const Column& source, Dialect from, const Column& target,
                                  Dialect to);

// Of each column that is written to the table that `target` describes; in two directions of the way
// back, too.
std::vector<Narrowing> NarrowingsOf(sql::Session& session, const ApplyPlan& plan,
                                    const sql::TableInfo& target);

// With plan.comes_back throws UsageError where what is lost on one side would come back and be lost
// on the other. `plan` is of the source's table as it is now: what the log has of before is
// history.
void RefuseNarrowing(sql::Session& session, const ApplyPlan& plan, const sql::TableInfo& target);

}  // namespace syncline::apply
