#pragma once

#include "engine/base/error.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// The refusal of a change of that table, its reason made clearer by what the catalogue knows: which
// table a foreign key refers to, which type a column has. Pure.
Refusal Explained(Refusal refusal, const sql::TableInfo& table, bool deletion);

}  // namespace syncline::apply
