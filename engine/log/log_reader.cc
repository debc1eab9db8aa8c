#include "engine/log/log_reader.h"

#include "engine/base/private_folder.h"
#include "engine/log/chain_reader.h"
#include "engine/log/secondary_view.h"

namespace syncline {

std::unique_ptr<LogReader> LogReader::Open(const std::filesystem::path& folder, Clock& clock) {
  CheckFolderToRead(folder);
  return std::make_unique<ChainReader>(std::make_unique<SecondaryView>(folder, clock));
}

}  // namespace syncline
