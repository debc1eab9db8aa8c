#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "capture/polling/capture_orders.h"
#include "capture/polling/pace.h"
#include "engine/base/backoff.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/model/row_clock.h"

namespace syncline::capture {

// How tables that are new to the log are read.
struct LoadOptions {
  uint32_t workers = 1;           // sessions, each with a table of its own; at least one
  uint64_t bytes_per_second = 0;  // of row data, all of them together; 0: as fast as it goes
  uint64_t range_rows = 100'000;  // in one snapshot, durable together

  bool operator==(const LoadOptions&) const = default;
};

// What becomes of the stamp of a row that lies further ahead of the source's clock than max_skew:
// such a row would win against all that others write until then.
enum class AheadStamps {
  kCap,     // the row counts as written now; a warning
  kAccept,  // it counts as it is; a warning
  kStop,    // capture stops
};

// Of a source that is also a target: what is read there and not in the log was made by its users.
struct NodeOptions {
  NodeId id = 0;
  Microseconds max_skew = std::chrono::seconds(10);
  AheadStamps ahead = AheadStamps::kCap;
  // Whoever changes the database and the log together holds it, and so does each step of the stage.
  std::mutex* turn = nullptr;
  // Called with the turn, before every step: the log is to hold what was applied.
  std::function<void()> settle;
};

struct CaptureOptions {
  PollInterval every;
  bool once = false;  // stop after the first poll that closes a cut
  LoadOptions load;
  Microseconds margin = std::chrono::seconds(
      2);  // reach back this much further (design: clock skew, the way into pg_locks)
  CaptureOrders* orders = nullptr;  // borrowed; null: nobody gives any
  Backoff::Options retry = {};      // after kRetry and kRestart
  // Called on the stage's thread with an error after which it will try again, and with null once it
  // has gone on.
  std::function<void(const Error*)> troubled = {};
  // Called on the stage's thread after each completed poll, with the time at which it began, and
  // after each range of a load, with the number of tables that are not loaded yet.
  std::function<void(std::optional<WallTime> polled, uint64_t loading)> progressed = {};
  std::optional<NodeOptions> node = {};  // none: nothing else writes to the source
};

}  // namespace syncline::capture
