#pragma once

#include <rocksdb/slice.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/offset.h"
#include "engine/log/folder/mark.h"
#include "engine/log/log_info.h"
#include "engine/log/store/store_reader.h"
#include "engine/model/frame.h"

namespace syncline {

// Reads what can be read of a log that may be damaged, whatever its durable mark says. Never writes
// to the log's folder. Private to engine/log; belongs to one thread.
//
// It looks at the store as it is. If that cannot be opened, or its chain breaks before the
// acknowledged end, it also lets RocksDB put a copy together from the files that are there
// (RepairDB; files are linked into the copy, not copied), and takes what reaches further.
class LogSalvage {
 public:
  // The caller has the log's lock, or can do with what a running writer has left out. Throws
  // DamageError when not even the log's name can be read, EnvironmentError when there is no log.
  explicit LogSalvage(const std::filesystem::path& folder);
  ~LogSalvage();  // the copy goes
  LogSalvage(const LogSalvage&) = delete;
  LogSalvage& operator=(const LogSalvage&) = delete;

  const LogInfo& info() const { return info_; }
  // What was acknowledged; nothing when the mark is lost.
  const std::optional<Mark>& mark() const { return mark_; }
  Offset begin() const { return begin_; }
  // Up to here the frames are in the base; 0: there is none.
  Offset base_end() const { return base_end_; }

  using Take = std::function<bool(const FrameHeader& header, const rocksdb::Slice& key,
                                  const rocksdb::Slice& value)>;
  // Hands out the frames from begin() on, each checked to be right and to continue the one before,
  // with all its tables; until `take` says false or there is none. Where the last one that was
  // handed out ends.
  Offset Walk(const Take& take);

  StoreReader& store() { return *store_; }

 private:
  bool Open(const std::filesystem::path& folder);
  void Rebuild();
  void ReadBase();
  Offset FindBegin();

  const std::filesystem::path folder_;
  const std::filesystem::path copy_;
  std::unique_ptr<StoreReader> store_;
  std::optional<Mark> mark_;
  LogInfo info_;
  Offset begin_;
  Offset base_end_;
};

}  // namespace syncline
