#pragma once

#include <set>
#include <stop_token>
#include <string>

#include "engine/base/error.h"
#include "engine/base/offset.h"
#include "engine/log/log_reader.h"

namespace syncline::apply {

// Of `missing`, source tables that have no table on the target: those of which the log has changes
// before `next`, where the pipeline goes on. Made now, their tables would hold only what comes from
// there on. So it is with a table that was dropped on the target, with one that the pipeline did
// not have until now, and with one that is mapped to another table. Moves the reader. Ends early,
// with what was found so far, when stopped.
std::set<TableName> LateTables(LogReader& log, const std::set<TableName>& missing, Offset next,
                               std::stop_token stop);

// What to say of one.
Error LateTableError(const TableName& table, const std::string& target, const std::string& pipeline,
                     Offset next);

}  // namespace syncline::apply
