#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/batch/batch_keys.h"
#include "apply/batch/batch_reader.h"
#include "apply/target/target.h"

namespace syncline::apply {

// A batch, ready to be written.
struct ReadyBatch {
  Batch batch;  // with its frames where the target takes every change
  std::vector<std::shared_ptr<const TableSchema>> schemas;  // SchemasOf
  std::vector<TableChanges> tables;                         // where it does not
  std::optional<BatchKeys> keys = {};  // of `tables`, where ParallelApplier has asked for them
};

// Hands out a log as batches that are ready to be written to a target. Belongs to one thread;
// borrows the log's reader and, for what may be asked from any thread, the target.
class LogFeed {
 public:
  LogFeed(LogReader& log, BatchReader::Limits limits, const Target& target);

  // As BatchReader; `again_before`: see SchemasOf.
  void Seek(Offset next, uint64_t frame_hash, BatchReader::End end, Offset again_before);
  std::optional<ReadyBatch> Next();
  bool finished() const { return batches_.finished(); }

 private:
  const Target& target_;
  BatchReader batches_;
  Offset again_before_;
};

}  // namespace syncline::apply
