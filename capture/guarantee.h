#pragma once

#include <string>
#include <string_view>

#include "capture/table_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// How much polling promises for one table, best first.
enum class GuaranteeClass {
  kExact,       // no row state that a poll could see is missed
  kBounded,     // the same, as long as clocks agree to within the margin
  kBestEffort,  // a row that becomes visible late can be missed
  kRefused,     // the column orders nothing
};

struct Guarantee {
  GuaranteeClass kind = GuaranteeClass::kExact;
  std::string reason;
  std::string remedy;  // how to get a better class; empty for kExact
};

// "exact", "bounded", "best-effort", "refused".
std::string_view NameOf(GuaranteeClass kind);

// What the source's catalogue, and a sample of the rows, tell about the table's cursor column.
Guarantee Classify(sql::Session& session, const TablePlan& plan);

}  // namespace syncline::capture
