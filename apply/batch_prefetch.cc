#include "apply/batch_prefetch.h"

#include <utility>

namespace syncline::apply {

BatchPrefetch::BatchPrefetch(LogReader& log, BatchReader::Limits limits, TablePredicate wanted,
                             TablePredicate kept)
    : log_(log), wanted_(std::move(wanted)), kept_(std::move(kept)), batches_(log, limits) {}

void BatchPrefetch::Seek(Offset next, uint64_t frame_hash, BatchReader::End end,
                         Offset again_before) {
  ready_.reset();
  failure_ = nullptr;
  again_before_ = again_before;
  handed_out_ = next;
  batches_.Seek(next, frame_hash, end);
}

std::optional<ReadyBatch> BatchPrefetch::Next() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  std::optional<ReadyBatch> next = ready_ ? std::exchange(ready_, std::nullopt) : Read();
  if (next) handed_out_ = next->batch.end;
  return next;
}

std::future<void> BatchPrefetch::ReadAhead() {
  if (log_.end() <= handed_out_) return {};
  return std::async(std::launch::async, [this] {
    try {
      ready_ = Read();
    } catch (...) {
      failure_ = std::current_exception();
    }
  });
}

std::optional<ReadyBatch> BatchPrefetch::Read() {
  std::optional<Batch> batch = batches_.Next();
  if (!batch) return {};
  ReadyBatch ready;
  ready.schemas = SchemasOf(*batch, wanted_, again_before_);
  ready.tables = Collapse(*batch, wanted_, kept_);
  ready.batch = *std::move(batch);
  return ready;
}

}  // namespace syncline::apply
