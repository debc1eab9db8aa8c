#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/logger.h"
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
  Microseconds took{0};  // the statements

  WriteCounts& operator+=(const WriteCounts& other);
};

// The sums of what became of changes, by table of the target. Thread-safe.
class WriteTally {
 public:
  void Add(const TableName& table, const WriteCounts& counts) {
    const std::lock_guard lock(mutex_);
    counts_[table] += counts;
  }
  std::map<TableName, WriteCounts> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<TableName, WriteCounts> counts_;  // guarded by mutex_
};

// Tells what is out of the ordinary among them.
void Report(const WriteCounts& counts, const std::string& pipeline, const TableName& table,
            Logger& logger);

}  // namespace syncline::apply
