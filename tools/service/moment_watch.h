#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/logger.h"
#include "engine/log/log_reader.h"
#include "tools/check/moment_check.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// A pipeline's log, of which no frame is delivered that holds rows of other moments than the target
// would make of them: RequireSameMoments when it is made, and again for rows that were captured
// when their table was another one than now; and the base by the first row of each table. A source
// that could not be asked is asked again, with a frame, until it answers; RequireSameMoments says
// what counts meanwhile. Delivers what `log` delivers, to which everything else is passed on;
// borrows all three, and is the only one that reads that log meanwhile. Threads: one, as LogReader
// says.
class MomentWatch final : public LogReader {
 public:
  // Throws as RequireSameMoments.
  MomentWatch(const PipelinePlan& pipeline, LogReader& log, Logger& logger);

  // Throws UsageError, with the frame's offset, for rows of other moments.
  std::optional<Frame> Next() override;

  const LogInfo& info() const override { return log_.info(); }
  Offset end() override { return log_.end(); }
  Offset begin() override { return log_.begin(); }
  void Seek(Offset offset, std::optional<uint64_t> previous_hash) override {
    log_.Seek(offset, previous_hash);
  }
  std::optional<Frame> NextHeader() override { return log_.NextHeader(); }
  bool Wait(Microseconds duration, std::stop_token stop) override {
    return log_.Wait(duration, std::move(stop));
  }
  std::unique_ptr<BaseReader> OpenBase() override;
  void Secure(Offset end) override { log_.Secure(end); }
  bool Acknowledge(const std::string& consumer, Offset next) override {
    return log_.Acknowledge(consumer, next);
  }
  std::vector<Consumer> Consumers() override { return log_.Consumers(); }
  std::optional<WallTime> AcknowledgedAt(const std::string& consumer) override {
    return log_.AcknowledgedAt(consumer);
  }
  void Forget(const std::string& consumer) override { log_.Forget(consumer); }
  std::optional<FrameHeader> Last() override { return log_.Last(); }

 private:
  void AskAgain();
  void Look(const std::string& where, const std::shared_ptr<const TableSchema>& schema);

  const PipelinePlan& pipeline_;
  LogReader& log_;
  KnownTables known_;
  std::chrono::steady_clock::time_point ask_at_;  // not before, while the source has not answered
  std::set<SchemaId> seen_;
};

}  // namespace syncline::cli
