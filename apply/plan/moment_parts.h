#pragma once

#include "apply/plan/apply_plan.h"
#include "apply/plan/moment_fit.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// RefuseOtherMoments for columns whose values have moments inside: composite types, domains and
// ranges of users, and arrays of those. Looks at the source's table and at plan.target as they are
// now; between PostgreSQL databases only, and where a column is of such a type.
void RefuseOtherParts(sql::Session& source, sql::Session& target, const ApplyPlan& plan,
                      const LocalTimes& local);

}  // namespace syncline::apply
