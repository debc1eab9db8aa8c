#include "engine/log/change_log.h"

#include "engine/log/log_store.h"
#include "engine/log/rocks_change_log.h"

namespace syncline {

std::unique_ptr<ChangeLog> ChangeLog::Open(const std::filesystem::path& folder,
                                           std::string_view source, Clock& clock, Options options) {
  return std::make_unique<RocksChangeLog>(
      LogStore::Open(folder, source, options.memtable_bytes, clock), clock, options);
}

std::unique_ptr<ChangeLog> ChangeLog::Open(const std::filesystem::path& folder,
                                           std::string_view source, Clock& clock) {
  return Open(folder, source, clock, Options());
}

}  // namespace syncline
