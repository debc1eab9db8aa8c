#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "apply/state/progress.h"
#include "apply/state/replica_log.h"
#include "apply/target/target.h"
#include "apply/write/write_counts.h"
#include "engine/base/backoff.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/log_reader.h"

namespace syncline::apply {

struct ApplyOptions {
  std::string pipeline;             // key of the progress row
  bool once = false;                // stop when everything that is in the log now is applied
  std::optional<Offset> to_offset;  // stop before the change with this offset
  std::optional<WallTime> to_time;  // stop before the first frame written after this
  // Once it is requested the stage goes on to where the log ends then; an error that may go away
  // leaves Run.
  std::stop_token ending = {};
  std::string consumer;  // the name under which retention waits; empty: it does not
  // How many refused changes the target's quarantine may hold; the next one stops the stage. 0: the
  // first one does.
  uint64_t quarantine_limit = 0;
  TwoWay two_way = {};
  uint64_t batch_changes = 50'000;
  uint64_t batch_bytes =
      64u << 20;                // of row data; whichever of the two is reached first ends a batch
  Backoff::Options retry = {};  // after kRetry and kRestart
  // Called on the stage's thread with an error after which it will try again, and with null once
  // the target is further than it was.
  std::function<void(const Error*)> troubled = {};
};

// What a stage has done since it was made. Readable from any thread.
struct ApplyStats {
  std::atomic<uint64_t> next_offset{0};  // everything before is committed in the target
  std::atomic<uint64_t> changes{0};      // read from the log and committed
  std::atomic<uint64_t> rows_written{
      0};  // inserted, updated or deleted (the last change of each key of a batch)
  std::atomic<uint64_t> rows_newer{0};  // "existing row is newer, skipped"
  std::atomic<uint64_t> conflicts{0};   // decided, and recorded in syncline_conflicts
  std::atomic<uint64_t> refused{0};     // parked, for the target would not have them
  std::atomic<uint64_t> waiting{0};     // parked behind those
  // Refused changes in the target's quarantine, by whatever run, as far as the stage has looked:
  // when it begins, after each batch and, while there are any, about once a second.
  std::atomic<uint64_t> parked{0};
  std::atomic<bool> knows_parked{false};  // it has looked
  std::atomic<uint64_t> batches{0};
  std::atomic<uint64_t> idles{0};          // times that all of the log was applied
  std::atomic<uint64_t> batches_ahead{0};  // of those, written while the one before was under way
  WriteTally tables;
};

// Replays a log into one target, from the target's own position on. Each batch moves the position
// in the step that brings its changes (invariant 4).
//
// Threads: Run on one thread, which reads; batches are written on threads of its own
// (ParallelApplier); stats() from any. Borrows the reader and the clock. Opens the target and
// reopens it, with backoff, after kRetry and kRestart (with `once` five times without a step
// forward, unless `retry` says how often); after the last retry that `retry` allows the error
// leaves Run as a kStop; an error of another reaction leaves Run. Nothing is half-done on the
// target then, and the error is as Target::Explain has it.
class ApplyStage {
 public:
  // Makes the target, opens it and reads its position. Throws UsageError when that belongs to
  // another log, DamageError when it is of a history that the log has lost.
  ApplyStage(const TargetMaker& make_target, ApplyOptions options, LogReader& reader, Clock& clock,
             std::shared_ptr<Logger> logger);
  ~ApplyStage();

  // Returns when stopped (after the batch at hand is committed), or at the end that `options` set.
  void Run(std::stop_token stop);

  const ApplyStats& stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::apply
