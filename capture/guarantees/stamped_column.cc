#include "capture/guarantees/stamped_column.h"

namespace syncline::capture {

const std::string& UpdateColumn(const CapturePlan& plan) {
  return plan.schema->columns[plan.schema->cursor].name;
}

const std::string& InsertColumn(const CapturePlan& plan) {
  const TableSchema& schema = *plan.schema;
  return schema.columns[schema.cursor_fallback.value_or(schema.cursor)].name;
}

}  // namespace syncline::capture
