// A program that writes a log until it is killed or has written enough, for tests of what a process
// leaves behind and of readers in another process. The change at offset n is item n; with ITEMS it
// is some item below that number, and now and then its deletion. After each Append it writes the
// next offset to stdout, in one line: what it printed is acknowledged.
//
//   log_writer FOLDER CHANGES MEMTABLE_KIB [ITEMS INDEX_KIB]
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/log/change_log.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

int main(int argc, char** argv) {
  using namespace syncline;
  if (argc != 4 && argc != 6) return 2;
  const uint64_t changes = std::strtoull(argv[2], nullptr, 10);
  const uint64_t memtable_bytes = std::strtoull(argv[3], nullptr, 10) << 10;
  const int64_t items = argc == 6 ? std::strtoll(argv[4], nullptr, 10) : 0;
  RocksLogOptions options{.memtable_bytes = memtable_bytes};
  if (argc == 6) options.index_pending_bytes = std::strtoull(argv[5], nullptr, 10) << 10;
  std::minstd_rand random(static_cast<unsigned>(::getpid()));
  SystemClock clock;
  try {
    const auto log = OpenRocksLog(argv[1], kSource, clock, options);
    while (log->next().value() < changes) {
      const auto first = static_cast<int64_t>(log->next().value());
      FrameDraft draft{.tables = {ItemsTable()}, .cursor = LongCursor(log->next().value())};
      for (int64_t n = first; n < first + 1 + static_cast<int64_t>(random() % 20); ++n) {
        const int64_t id = items == 0 ? n : static_cast<int64_t>(random()) % items;
        const bool deletion = items != 0 && random() % 8 == 0;
        // Text that does not compress, so that memtables fill.
        std::string name = std::to_string(id) + " ";
        for (int i = 0; i < 64; ++i) name += static_cast<char>(' ' + random() % 95);
        Row row = deletion ? ItemKey(id) : Item(id, name, n);
        draft.fingerprints.push_back(row.fingerprint());
        draft.changes.push_back({.op = deletion ? Op::kDelete : Op::kUpsert,
                                 .row = std::move(row),
                                 .version = Stamp(n)});
      }
      draft.closes_cut = random() % 2 == 0;
      log->Append(std::move(draft));
      const std::string line = std::to_string(log->next().value()) + "\n";
      if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "log_writer: %s\n", error.what());
    return 1;
  }
  return 0;
}
