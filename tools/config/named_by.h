#pragma once

#include <string>

#include "engine/model/schema.h"
#include "tools/config/config.h"

namespace syncline::cli {

// Whether a glob finds a table of the source. A * alone is every table of every schema; any other
// glob without a schema stays within the default one. Throws as QualifiedName.
bool GlobFinds(const std::string& glob, const TableName& table, Dialect dialect);

// Whether an entry under `tables` names a table of the source, or is a glob that finds it. Throws
// as QualifiedName.
bool IsNamedBy(const TableRule& rule, const TableName& table, Dialect dialect);

}  // namespace syncline::cli
