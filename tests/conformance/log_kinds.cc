#include "engine/log/catalog/folder_catalog.h"
#include "engine/log/rocks/open_log.h"
#include "tests/conformance/log_suite.h"
#include "tests/support/memory_log.h"

namespace syncline {
namespace {

LogHome HomeOf(const LogRef& log, const std::shared_ptr<void>& keeps) {
  return {.open = [log, keeps](std::string_view source,
                               Clock& clock) { return log->Open(source, clock); },
          .open_reader = [log, keeps](Clock& clock) { return log->OpenReader(clock); }};
}

LogHome InFolder() {
  const auto folder = std::make_shared<TempFolder>();
  return HomeOf(FolderLog(folder->path() / "log"), folder);
}

// So little memory that the log flushes and compacts all the time, and that its index is partly in
// files and partly not.
LogHome InFolderWithLittleMemory() {
  const auto folder = std::make_shared<TempFolder>();
  LogHome home = HomeOf(FolderLog(folder->path() / "log"), folder);
  home.open = [folder](std::string_view source, Clock& clock) {
    return OpenRocksLog(folder->path() / "log", source, clock,
                        {.memtable_bytes = 64u << 10, .index_pending_bytes = 20'000});
  };
  return home;
}

LogHome InMemory() { return HomeOf(test::MemoryCatalog().Find("shop"), nullptr); }

}  // namespace

std::vector<LogKind> LogKinds() {
  return {
      {.name = "Rocks", .make = InFolder},
      {.name = "RocksWithLittleMemory", .make = InFolderWithLittleMemory, .little_memory = true},
      {.name = "Memory",
       .make = InMemory,
       .why_no_retention = test::kNoRetention,
       .why_no_backup = test::kNoBackup}};
}

}  // namespace syncline
