#pragma once

#include <map>
#include <string>

#include "apply/rules/table_mapping.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Takes out of the pipeline's rows in `syncline_quarantine` what its mappings (by source table)
// omit: earlier builds parked whole rows, and a column may be omitted since. The refused changes
// themselves stay. Returns how many were rewritten. In the session's current transaction, in which
// the pipeline's progress row is locked.
uint64_t HideOmittedInQuarantine(sql::Session& session, const std::string& pipeline,
                                 const std::map<TableName, TableMapping>& mappings);

}  // namespace syncline::apply
