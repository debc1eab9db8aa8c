#pragma once

#include <map>
#include <vector>

#include "capture/check/check_result.h"
#include "capture/cursor/guarantee.h"
#include "capture/plan/known_kinds.h"
#include "capture/plan/table_spec.h"
#include "engine/sql/database_url.h"

namespace syncline::capture {

// Connects and looks at the source and every table, without a log (`known` is what it says of
// them); never throws for what it finds.
std::vector<CheckResult> CheckSource(const sql::DatabaseUrl& source,
                                     const std::vector<TableSpec>& tables,
                                     const KnownKinds& known = {});

// What capture promises, by table, as the source itself tells, without a log; nothing for tables
// that cannot be planned. Throws as Session::Open does.
std::map<TableName, Guarantee> GuaranteesOf(const sql::DatabaseUrl& source,
                                            const std::vector<TableSpec>& tables);

}  // namespace syncline::capture
