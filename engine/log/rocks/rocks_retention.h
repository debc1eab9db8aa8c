#pragma once

#include <memory>

#include "engine/base/clock.h"
#include "engine/log/log_reader.h"
#include "engine/log/retention.h"
#include "engine/log/retention_policy.h"

namespace syncline {

class LogEnd;
class LogStore;

// Retention over the writer's store. A step puts what one frame changes into the base, in one write
// (so a crash leaves a base that is right, as of some frame). Only after the steps are durable does
// the durable mark move and are files deleted. Memory: a few frames. Borrows store, end and clock.
// Private to engine/log. Threads: one, as Retention says.
class RocksRetention : public Retention {
 public:
  // Both readers are of that log.
  RocksRetention(LogStore& store, LogEnd& end, std::unique_ptr<LogReader> reader,
                 std::unique_ptr<LogReader> scout, RetentionPolicy policy, Clock& clock);
  ~RocksRetention() override;

  Pass Run(std::stop_token stop) override;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
