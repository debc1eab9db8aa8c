#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <string>

#include "engine/model/schema.h"

namespace syncline::apply {

// What became of changes that were given to a target.
struct WriteCounts {
  uint64_t written = 0;    // inserted, updated or deleted
  uint64_t newer = 0;      // left alone because the target's row has a higher version
  uint64_t conflicts = 0;  // decided by the rule
  // Neither: something on the target (a trigger) lets the statements change nothing.
  uint64_t suppressed = 0;
  uint64_t refused = 0;  // parked, for the target would not have them
  uint64_t waiting = 0;  // parked behind those

  WriteCounts& operator+=(const WriteCounts& other);
};

// Tells what is out of the ordinary among them.
void Report(const WriteCounts& counts, const std::string& pipeline, const TableName& table,
            spdlog::logger& logger);

}  // namespace syncline::apply
