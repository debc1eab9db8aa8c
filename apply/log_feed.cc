#include "apply/log_feed.h"

#include <utility>

namespace syncline::apply {

LogFeed::LogFeed(LogReader& log, BatchReader::Limits limits, TablePredicate wanted,
                 TablePredicate kept)
    : wanted_(std::move(wanted)), kept_(std::move(kept)), batches_(log, limits) {}

void LogFeed::Seek(Offset next, uint64_t frame_hash, BatchReader::End end, Offset again_before) {
  again_before_ = again_before;
  batches_.Seek(next, frame_hash, end);
}

std::optional<ReadyBatch> LogFeed::Next() {
  std::optional<Batch> batch = batches_.Next();
  if (!batch) return {};
  ReadyBatch ready;
  ready.schemas = SchemasOf(*batch, wanted_, again_before_);
  ready.tables = Collapse(*batch, wanted_, kept_);
  ready.batch = *std::move(batch);
  return ready;
}

}  // namespace syncline::apply
