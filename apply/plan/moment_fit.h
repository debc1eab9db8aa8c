#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/plan/apply_plan.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// Which moments the columns without a time zone of a table hold.
struct LocalTimes {
  std::string zone;  // theirs on both sides, whatever the databases have configured; empty: that
  std::function<std::string()> source_zone;  // that the source has configured; called if need be
  // In two directions: stamps are compared with those of deletions, too, which are in UTC.
  bool two_way = false;
};

// The columns of a target's table that a plan writes to, as far as they may hold moments.
struct TargetTimes {
  Dialect dialect = {};
  std::vector<Column> columns;        // parallel to ApplyPlan::columns, with the target's types
  std::optional<Column> flag = {};    // ApplyPlan::flag
  std::function<std::string()> zone;  // that the target has configured; called if need be
};

// Those of `info`. A column that the table lacks counts as one of the plan's own type. Borrows the
// session for as long as the result lives.
TargetTimes TimesOf(sql::Session& target, const ApplyPlan& plan, const sql::TableInfo& info);

// Throws UsageError, with the ways to go on, where a value would be one moment at the source and
// another one on the target, or where stamps that decide conflicts are read by different clocks: a
// column without a time zone holds local times of the zone that its own database has configured, or
// that the table's `zone` states, and values are copied as in UTC. Local times that no conflict
// depends on are copied as they stand between columns that both have no zone. In SQLite the stamps
// that conflicts are decided by are in UTC; what other columns without a time zone hold is told by
// `zone` alone, and without it copied as it stands.
void RefuseOtherMoments(const ApplyPlan& plan, const TargetTimes& target, const LocalTimes& local);

// Of columns that RefuseOtherMoments accepts what nobody has stated: which are read as UTC because
// a SQLite file has no time zone. One sentence for each such column; none where `zone` says it.
std::vector<std::string> AssumedMoments(const ApplyPlan& plan, const TargetTimes& target,
                                        const LocalTimes& local);

}  // namespace syncline::apply
