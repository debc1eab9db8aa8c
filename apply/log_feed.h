#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/batch/batch_keys.h"
#include "apply/batch/batch_reader.h"

namespace syncline::apply {

// A batch, ready to be written.
struct ReadyBatch {
  Batch batch;                                              // without its frames
  std::vector<std::shared_ptr<const TableSchema>> schemas;  // SchemasOf
  std::vector<TableChanges> tables;
  std::optional<BatchKeys> keys = {};  // of `tables`, where ParallelApplier has asked for them
};

// Hands out a log as batches that are ready to be written. Belongs to one thread; borrows the log's
// reader.
class LogFeed {
 public:
  // `wanted`, `kept`: see Collapse.
  LogFeed(LogReader& log, BatchReader::Limits limits, TablePredicate wanted, TablePredicate kept);

  // As BatchReader; `again_before`: see SchemasOf.
  void Seek(Offset next, uint64_t frame_hash, BatchReader::End end, Offset again_before);
  std::optional<ReadyBatch> Next();
  bool finished() const { return batches_.finished(); }

 private:
  const TablePredicate wanted_;
  const TablePredicate kept_;
  BatchReader batches_;
  Offset again_before_;
};

}  // namespace syncline::apply
