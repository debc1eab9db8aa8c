#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apply/state/parked_change.h"
#include "engine/base/error.h"
#include "engine/model/value.h"

namespace syncline::apply {

// Rows of syncline_quarantine as they are read back. The table is on a target, where others may
// write, and SQLite keeps any type in any column: nothing is what it should be before it was looked
// at. Each of these throws DamageError for something else.
uint64_t NumberAt(const std::vector<ValueView>& values, size_t column);
std::string_view TextAt(const std::vector<ValueView>& values, size_t column);  // NULL: empty
std::string_view BytesAt(const std::vector<ValueView>& values, size_t column);
uint64_t Counted(const std::string& text);  // what count() or max() gave

// Schemas by their bytes: many rows have the same.
using ParkedSchemas = std::map<std::string, std::shared_ptr<const TableSchema>, std::less<>>;
// Of id, pipeline, log_id, epoch, changes, source_table, target_table, reason, code, parked_at,
// waiting_for, schema_bytes, step_bytes.
ParkedChange ParkedFrom(const std::vector<ValueView>& values, ParkedSchemas& schemas);

// Of a row that Syncline has not written; its id is the first of `values`.
Error ForeignRow(const std::vector<ValueView>& values, std::string_view why);

}  // namespace syncline::apply
