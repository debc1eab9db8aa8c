#include "apply/log_feed.h"

#include <utility>

namespace syncline::apply {

LogFeed::LogFeed(LogReader& log, BatchReader::Limits limits, const Target& target)
    : target_(target), batches_(log, limits) {}

void LogFeed::Seek(Offset next, uint64_t frame_hash, BatchReader::End end, Offset again_before) {
  again_before_ = again_before;
  batches_.Seek(next, frame_hash, end);
}

std::optional<ReadyBatch> LogFeed::Next() {
  std::optional<Batch> batch = batches_.Next();
  if (!batch) return {};
  ReadyBatch ready;
  const auto wanted = [this](const TableName& table) { return target_.Wants(table); };
  ready.schemas = SchemasOf(*batch, wanted, again_before_);
  if (!target_.TakesEveryChange()) {
    ready.tables = Collapse(*batch, wanted,
                            [this](const TableName& table) { return target_.KeepsDeleted(table); });
  }
  ready.batch = *std::move(batch);
  return ready;
}

}  // namespace syncline::apply
