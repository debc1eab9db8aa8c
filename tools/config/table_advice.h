#pragma once

#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/table_info.h"

namespace syncline::cli {

// How a table could be captured, told from its catalogue entry alone. Plain value type.
struct TableAdvice {
  std::vector<std::string> key;  // the primary key, else the first unique key; empty: none
  std::string cursor;            // the likeliest cursor column; empty: none
  std::string problem;           // why it cannot be captured as it is; empty: it can
  std::string caution;           // it can, but; empty: nothing to say
};

TableAdvice AdviseTable(const sql::TableInfo& table, Dialect dialect);

// Why a table that a glob found cannot be captured with `key` (empty: from the catalogue) and
// `cursor`; empty if it can.
std::string WhyNotCapturable(const sql::TableInfo& table, Dialect dialect,
                             const std::vector<std::string>& key, const std::string& cursor);

// True when values of that type have an order that a poll can follow.
bool CanBeCursor(Type type, Dialect dialect);

}  // namespace syncline::cli
