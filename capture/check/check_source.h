#pragma once

#include <map>
#include <string>
#include <vector>

#include "capture/cursor/guarantee.h"
#include "capture/plan/known_kinds.h"
#include "capture/plan/table_spec.h"
#include "engine/base/error.h"
#include "engine/sql/database_url.h"

namespace syncline::capture {

// One line of `syncline check` about the source.
struct CheckResult {
  enum class Level { kPass, kWarn, kFail };
  Level level = Level::kPass;
  std::string subject;  // "shop", "shop public.items"
  std::string message;
  std::string hint;             // what to do; empty for kPass
  Cause cause = Cause::kUsage;  // of a kFail
};

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
