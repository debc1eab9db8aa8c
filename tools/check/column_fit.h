#pragma once

#include <string>
#include <vector>

#include "apply/plan/apply_plan.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"
#include "tools/check/check_report.h"

namespace syncline::cli {

// Whether a column of a target can take the values of a source's column, by the types of both.
enum class ColumnFit {
  kAll,   // every value, maybe rounded or cut (apply/plan/narrowing.h)
  kSome,  // those whose text is one of the target's type, or in its range
  kNone,
};
// Of a SQLite source the types say what is meant, never what is there: kNone does not come. A
// SQLite target takes everything. Pure.
ColumnFit FitOf(const Column& source, Dialect from, const Column& target, Dialect to);

// Compares each column that `plan` writes with the target's own in `info`; where the types alone do
// not tell, tries values of `sample`, rows of plan.schema. Names what cannot take what comes in
// `report`, and what is not held as it is; whether there was nothing of the former. Outside of a
// transaction.
bool CheckColumnsFit(sql::Session& session, const std::string& subject,
                     const apply::ApplyPlan& plan, const sql::TableInfo& info,
                     const std::vector<Row>& sample, CheckReport& report);

}  // namespace syncline::cli
