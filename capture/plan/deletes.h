#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "capture/plan/delete_limit.h"
#include "engine/base/clock.h"
#include "engine/base/timetable.h"

namespace syncline::capture {

// How capture learns that a row of a table is gone; with nothing set it does not. Plain value type.
struct Deletes {
  // Soft deletion: a column that is set on rows which count as deleted. Empty: there is none.
  std::string flag;
  // Triggers on the source write down the keys of rows that go (tombstones.h).
  bool tombstones = false;
  // The keys in the log are looked for on the source, now and then (reconciliation.h).
  struct Reconcile {
    Microseconds every = std::chrono::hours(1);  // from the start of one round to that of the next
    uint64_t rate = 20'000;                      // rows looked at in a second
    std::optional<Timetable> at = {};            // instead of `every`: when a round begins
    bool operator==(const Reconcile&) const = default;
  };
  std::optional<Reconcile> reconcile = {};

  // How many rows a comparison of the whole table with the log may find gone.
  DeleteLimit max_deletes = {};

  bool operator==(const Deletes&) const = default;
};

}  // namespace syncline::capture
