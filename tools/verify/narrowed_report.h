#pragma once

#include "tools/support/terminal.h"
#include "tools/support/value_json.h"
#include "tools/verify/compared_table.h"

namespace syncline::cli {

// What `verify` says of columns whose values it has compared as the target's types hold them, which
// is not all that the source has (ComparedTable::narrowed).
Json NarrowedJson(const ComparedTable& table);
void PrintNarrowed(const ComparedTable& table, Terminal& out);

// "equal", "not equal", or "equal, as far as the target's types hold it".
StyledText OutcomeText(bool equal, bool narrowed);

}  // namespace syncline::cli
