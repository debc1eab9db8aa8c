#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/change_log.h"
#include "engine/model/frame.h"

namespace syncline::test {

// What a log in memory is. Whoever uses it holds `mutex`, which guards everything.
struct MemoryStore {
  struct Prepared {
    std::string name, token;
    FrameDraft draft;
  };
  struct State {
    Row key;
    IndexEntry entry;
  };
  struct KnownConsumer {
    Offset next;
    WallTime at;
  };

  std::mutex mutex;
  std::condition_variable_any moved;

  std::optional<LogInfo> info;  // none: no log has been made
  bool held = false;            // a writer has it
  std::vector<Frame> frames;
  std::optional<std::string> saved;  // a cursor later than that of the last frame
  std::map<SchemaId, std::shared_ptr<const TableSchema>> schemas;
  std::map<TableName, std::map<std::string, State>> index;  // by the key in ordered form
  std::optional<Prepared> prepared;
  std::map<std::string, std::string> applied;
  std::map<std::string, KnownConsumer> consumers;
  uint64_t written_bytes = 0;

  Offset next() const { return frames.empty() ? Offset(0) : frames.back().header.end(); }
};

// A reader of a log that is there.
std::unique_ptr<LogReader> ReadMemory(std::shared_ptr<MemoryStore> store, Clock& clock);

// The writer of a log that is there and that nobody holds.
std::unique_ptr<ChangeLog> WriteMemory(std::shared_ptr<MemoryStore> store, Clock& clock);

}  // namespace syncline::test
