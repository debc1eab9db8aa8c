#include "engine/log/rocks/open_log.h"

#include "engine/base/private_folder.h"
#include "engine/log/rocks/chain_reader.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/rocks/rocks_change_log.h"
#include "engine/log/rocks/secondary_view.h"

namespace syncline {

std::unique_ptr<ChangeLog> OpenRocksLog(const std::filesystem::path& folder,
                                        std::string_view source, Clock& clock,
                                        const RocksLogOptions& options) {
  return std::make_unique<RocksChangeLog>(LogStore::Open(folder, source, options.memtable_bytes),
                                          clock, options);
}

std::unique_ptr<LogReader> OpenRocksLogReader(const std::filesystem::path& folder, Clock& clock) {
  CheckFolderToRead(folder);
  return std::make_unique<ChainReader>(std::make_unique<SecondaryView>(folder, clock));
}

}  // namespace syncline
