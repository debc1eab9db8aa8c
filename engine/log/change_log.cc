#include "engine/log/change_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/log/log_store.h"
#include "engine/log/rocks_change_log.h"

namespace syncline {

Offset LogInfo::SharedUpTo(uint64_t known) const {
  if (known > epoch) return Offset(0);
  Offset shared(UINT64_MAX);
  uint64_t later = 0;
  for (auto begin = begins.upper_bound(known); begin != begins.upper_bound(epoch); ++begin) {
    shared = std::min(shared, begin->second);
    ++later;
  }
  return later == epoch - known ? shared : Offset(0);  // where one began nobody knows
}

std::unique_ptr<ChangeLog> ChangeLog::Open(const std::filesystem::path& folder,
                                           std::string_view source, Clock& clock, Options options) {
  return std::make_unique<RocksChangeLog>(LogStore::Open(folder, source, options.memtable_bytes),
                                          clock, options);
}

std::unique_ptr<ChangeLog> ChangeLog::Open(const std::filesystem::path& folder,
                                           std::string_view source, Clock& clock) {
  return Open(folder, source, clock, Options());
}

Error NoLineage(const TableName& table, std::string_view database) {
  return UsageError(
      fmt::format("table {}: the log of {} holds changes from when nothing else was written there",
                  table.ToString(), database),
      "move that log's folder away: it is made anew, and both sides are compared");
}

}  // namespace syncline
