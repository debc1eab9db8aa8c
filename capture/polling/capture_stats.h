#pragma once

#include <atomic>
#include <cstdint>

#include "capture/polling/table_tally.h"

namespace syncline::capture {

// What a stage has done since it was made. Readable from any thread.
struct CaptureStats {
  std::atomic<uint64_t> polls{0};
  std::atomic<uint64_t> rows_read{0};
  std::atomic<uint64_t> changes_logged{0};
  std::atomic<uint64_t> loads_running{0};
  std::atomic<uint64_t> rows_to_load{0};  // as the source guesses; of loads that began
  TableTally tables;
};

}  // namespace syncline::capture
