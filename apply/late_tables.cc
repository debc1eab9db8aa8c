#include "apply/late_tables.h"

#include <fmt/format.h>

namespace syncline::apply {

std::set<TableName> LateTables(LogReader& log, const std::set<TableName>& missing, Offset next,
                               std::stop_token stop) {
  std::set<TableName> late;
  if (next == Offset() || missing.empty()) return late;
  for (const TableName& table : log.OpenBase()->Tables()) {
    if (missing.contains(table)) late.insert(table);
  }
  log.Seek(log.begin());
  while (!stop.stop_requested() && late.size() < missing.size()) {
    const std::optional<Frame> frame = log.NextHeader();
    if (!frame || frame->header.base >= next) break;
    for (const auto& table : frame->tables) {
      if (missing.contains(table->table)) late.insert(table->table);
    }
  }
  return late;
}

Error LateTableError(const TableName& table, const std::string& target, const std::string& pipeline,
                     Offset next) {
  return StopError(
      fmt::format("table {} is not on {}, but pipeline {} is past offset {}, and the log has "
                  "changes of it from before",
                  table.ToString(), target, pipeline, next.value()),
      fmt::format("Apply the log again from its beginning, which changes nothing that is there "
                  "already: `syncline offsets set {} 0`.",
                  pipeline));
}

}  // namespace syncline::apply
