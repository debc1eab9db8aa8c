#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/offset.h"
#include "engine/model/frame.h"

namespace syncline {

// A log has one epoch more with each repair, and never as many as this.
inline constexpr uint64_t kEpochMax = UINT32_MAX;

// The names of a log, fixed when it is made (the epoch can grow). Plain value type.
struct LogInfo {
  LogId id;
  uint64_t epoch = 0;
  std::string source;  // sql::Session::Identity() of the database it was captured from
  // Where each epoch began: its frames, and those of all later epochs, continue the frame that ends
  // there, or, at the log's beginning, none. By the epoch's number.
  std::map<uint64_t, Offset> begins = {};

  // Up to here the history that somebody knows from `epoch` is also this log's. An epoch that has
  // yet to come shares nothing.
  Offset SharedUpTo(uint64_t epoch) const;
};

}  // namespace syncline
