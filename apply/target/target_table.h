#pragma once

#include <span>
#include <string>
#include <vector>

#include "apply/plan/apply_plan.h"
#include "engine/base/logger.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// Makes the target's table what the plan needs and returns what the catalogue says of it then. With
// plan.create a missing table is made (with its schema, on PostgreSQL). A column that the source
// has and the table lacks is added, or left out of the plan, or an error, as plan.new_columns says;
// one that the table needs (of the key, renamed, the cursor where versions are compared) is never
// left out. So is the flag that deletions set added. Everything else is checked: a unique key on
// exactly the plan's key, no other column that must be given a value. Runs in the session's write
// transaction, so that DDL commits with the first rows or not at all (of many new tables see
// TargetTables::MakeMissing). Throws UsageError that names what is missing, with the statements to
// run at the end of the hint.
sql::TableInfo PrepareTargetTable(sql::Session& session, ApplyPlan& plan, Logger& logger);
// The same for plans of different tables, in their order, with few questions to the catalogue. An
// error names its table.
std::vector<sql::TableInfo> PrepareTargetTables(sql::Session& session, std::span<ApplyPlan> plans,
                                                Logger& logger);
// Makes tables that are not there, with their schemas. Throws kRestart where one is.
void MakeTargetTables(sql::Session& session, std::span<const ApplyPlan> plans, Logger& logger);

// The statement that adds `column`, one of plan.columns, to be shown to somebody.
sql::Sql AddColumnSql(sql::Session& session, const ApplyPlan& plan, const Column& column);

}  // namespace syncline::apply
