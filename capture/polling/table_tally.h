#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "engine/base/clock.h"
#include "engine/model/schema.h"

namespace syncline::capture {

// What a stage has read of its tables, by table. Thread-safe.
class TableTally {
 public:
  struct Counts {
    uint64_t read = 0;      // rows that the source gave, tombstones among them
    uint64_t captured = 0;  // changes that are in the log
    Microseconds took{0};   // reading them

    Counts& operator+=(const Counts& other) {
      read += other.read;
      captured += other.captured;
      took += other.took;
      return *this;
    }
  };

  void Add(const TableName& table, const Counts& counts) {
    const std::lock_guard lock(mutex_);
    counts_[table] += counts;
  }
  std::map<TableName, Counts> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<TableName, Counts> counts_;  // guarded by mutex_
};

}  // namespace syncline::capture
