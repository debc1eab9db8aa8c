#include "engine/log/key_index.h"

#include <fmt/format.h>

namespace syncline {

Error NoLineage(const TableName& table, std::string_view database) {
  return UsageError(
      fmt::format("table {}: the log of {} holds changes from when nothing else was written there",
                  table.ToString(), database),
      "move that log's folder away: it is made anew, and both sides are compared");
}

}  // namespace syncline
