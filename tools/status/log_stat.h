#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/log_reader.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// What a walk over a log's frames tells. Plain value type.
struct LogStat {
  LogInfo info;
  Offset begin, end;
  uint64_t frames = 0;
  uint64_t cuts = 0;                    // closed ones
  uint64_t bytes = 0;                   // of the frames' changes, before compression
  uint64_t stored_bytes = 0;            // of the frames as they are stored
  std::optional<WallTime> first, last;  // when the first and the last frame were written
  bool cut_open = false;
  uint64_t bytes_on_disk = 0;
  std::optional<BaseInfo> base;  // none: nothing has been folded
  std::vector<Consumer> consumers;
  std::string cursor;  // how far capture has read, in words

  uint64_t changes() const { return end - begin; }
};

// Reads every frame's header, so it also proves that the chain holds from the beginning to the end;
// throws DamageError where it does not. `bytes_on_disk`: LogCare::BytesUsed.
LogStat ReadLogStat(LogReader& reader, uint64_t bytes_on_disk);

// What only a glance tells: everything but the counts of frames and cuts.
LogStat GlanceAtLog(LogReader& reader, uint64_t bytes_on_disk);

// The members that are known, by their names; `bytes_on_disk` is what the log takes, its
// store's own files included.
Json LogStatJson(const std::string& source, const LogStat& stat);

}  // namespace syncline::cli
