#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/log/folder/mark.h"

namespace syncline {

// How far the writer has acknowledged: tells the readers of this process, and through the durable
// mark those of others. They deliver nothing past it and wait for it to move (invariant 2). Private
// to engine/log; thread-safe.
class LogEnd {
 public:
  // Writes `mark`, synced.
  LogEnd(std::unique_ptr<MarkFile> file, const Mark& mark, Clock& clock);
  // Syncs the mark, as well as that is possible.
  ~LogEnd();

  Mark mark() const;

  // The frame that ends at `next` is durable. Throws RetryError when the mark cannot be written;
  // nobody is told then.
  void MoveNext(Offset next, uint64_t hash);
  // The frames before `begin` are folded into the base, and that is durable.
  void MoveBegin(Offset begin);

  // The mark survives a power cut. Throws RetryError.
  void Sync();

  // Returns when there is something at `position`, after `duration`, or at a stop; false for the
  // latter.
  bool WaitPast(Offset position, Microseconds duration, std::stop_token stop);

 private:
  void Move(const Mark& mark);

  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any moved_;
  const std::unique_ptr<MarkFile> file_;  // written under mutex_, which guards the rest
  Mark mark_;
  Microseconds synced_at_;
};

}  // namespace syncline
