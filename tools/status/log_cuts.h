#pragma once

#include <optional>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/log/log_reader.h"

namespace syncline::cli {

// A closed cut of a log: all changes before `end` are one state of the source.
struct Cut {
  Offset end;
  // Of the source's clock, when the poll began that closed it; of this machine's, where the log
  // does not tell: a base, a cursor without a clock.
  WallTime time;
  bool operator==(const Cut&) const = default;
};

// What a log's cuts say of a place in it. Plain value type.
struct CutsAround {
  std::optional<Cut> before;  // the last one that is not behind the place
  std::optional<Cut> after;   // the next one; none: it is not closed yet
  Offset begin;               // of the log's frames
  Offset end;                 // of the log

  // "the cut that ends at offset 5 (2026-01-31T12:00:00Z)", or that there is none.
  std::string TellBefore() const;
  std::string TellAfter() const;
};

// Read the headers of all frames up to there; what is folded is one cut, if it closed one. Move the
// reader. Throw as LogReader does, save that they start over when the log is folded meanwhile.
CutsAround CutsAroundOffset(LogReader& log, Offset place);
// The last cut up to that moment of the source's clock, by the log's order.
CutsAround CutsAroundTime(LogReader& log, WallTime moment);

// "2026-01-31T12:00:00.000000Z" by the source's clock.
std::string TellCut(const Cut& cut);

}  // namespace syncline::cli
