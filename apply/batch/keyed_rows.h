#pragma once

#include <span>
#include <string>
#include <unordered_map>

#include "engine/model/row.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Rows by the bytes of their keys.
using KeyedRows = std::unordered_map<std::string, Row>;

// The rows of those keys as `table` has them captured, in the session's current transaction; what
// is not there is not in the answer. `from`: as Session::Read has it.
KeyedRows ReadByKeys(sql::Session& session, const TableSchema& table, std::span<const Row> keys,
                     const sql::Sql& from = {});

}  // namespace syncline::apply
