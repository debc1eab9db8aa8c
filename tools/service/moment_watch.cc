#include "tools/service/moment_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/logger.h"

namespace syncline::cli {
namespace {

using std::chrono::steady_clock;

// A source that is down is asked for a tenth of the time at most, however long it takes to fail.
steady_clock::time_point AfterTrying(steady_clock::time_point began) {
  constexpr std::chrono::seconds kRestMin{1};
  const auto now = steady_clock::now();
  return now + std::max<steady_clock::duration>(kRestMin, 10 * (now - began));
}

}  // namespace

MomentWatch::MomentWatch(const PipelinePlan& pipeline, LogReader& log, Logger& logger)
    : pipeline_(pipeline), log_(log) {
  const auto began = steady_clock::now();
  known_ = RequireSameMoments(pipeline, logger);
  ask_at_ = AfterTrying(began);
}

std::optional<Frame> MomentWatch::Next() {
  std::optional<Frame> frame = log_.Next();
  if (!frame) return frame;
  AskAgain();
  const std::string where = fmt::format("offset {} of the log", frame->header.base.value());
  for (size_t i = 0; i < frame->tables.size(); ++i) {
    if (seen_.insert(frame->header.schemas.at(i)).second) Look(where, frame->tables[i]);
  }
  return frame;
}

std::unique_ptr<BaseReader> MomentWatch::OpenBase() {
  AskAgain();
  const std::unique_ptr<BaseReader> base = log_.OpenBase();
  for (const TableName& table : base->Tables()) {
    base->SeekTable(table);
    for (const BaseEntry& entry : base->Next(1)) Look("the log's base", entry.table);
  }
  return log_.OpenBase();
}

void MomentWatch::AskAgain() {
  const auto began = steady_clock::now();
  if (known_.source_zone || began < ask_at_) return;
  if (std::optional<KnownTables> known = AskForMoments(pipeline_)) {
    known_ = std::move(*known);
    seen_.clear();  // what was looked at counted as in UTC
  }
  ask_at_ = AfterTrying(began);
}

void MomentWatch::Look(const std::string& where, const std::shared_ptr<const TableSchema>& schema) {
  InContext(where, [&] { RequireSameMoments(pipeline_, known_, schema); });
}

}  // namespace syncline::cli
