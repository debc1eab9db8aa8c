#pragma once

#include "tools/check/check_report.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// Who could do something through Syncline's roles that they could not do by themselves: roles in
// the addresses that may more than they need, and functions of other roles that run as them. With
// the statements that make a role of the least privileges, and those that functions need to be
// found without a search_path. PostgreSQL only; connects, changes nothing.
void CheckSourceTrust(const SourcePlan& source, CheckReport& report);
void CheckTargetTrust(const PipelinePlan& pipeline, CheckReport& report);

}  // namespace syncline::cli
