#pragma once

#include <memory>
#include <optional>

#include "engine/log/log_reader.h"
#include "engine/model/row.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// One change as the log has it, with all its columns.
struct LoggedRow {
  std::shared_ptr<const TableSchema> schema;
  Row row;  // as Change::row
  Value version;
};

// The change at `offset`, of the row of `table` with that key, out of the log's frames or, where
// they were folded and it is the last of its row, out of the base; nothing when the log has no such
// change (any more). Moves the reader; throws as it does.
std::optional<LoggedRow> FindLogged(LogReader& log, const TableName& table, const Row& key,
                                    Offset offset);

}  // namespace syncline::apply
