#pragma once

#include <string>

#include "apply/plan/apply_plan.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"
#include "tools/check/check_report.h"

namespace syncline::cli {

// Whether the target, a PostgreSQL database like the source, has the types of the columns that
// apply would make there: those of `plan` that `table` (null: it is not there) lacks. Otherwise all
// that are missing are one failure, with the statements that make them, as the source has them, in
// the order in which they build on each other.
bool CheckTypes(sql::Session& target, const sql::DatabaseUrl& source, const std::string& subject,
                const apply::ApplyPlan& plan, const sql::TableInfo* table, CheckReport& report);

}  // namespace syncline::cli
