#pragma once

#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "apply/batch.h"
#include "apply/batch_reader.h"

namespace syncline::apply {

// A batch, ready to be written.
struct ReadyBatch {
  Batch batch;                                              // without its frames
  std::vector<std::shared_ptr<const TableSchema>> schemas;  // SchemasOf
  std::vector<TableChanges> tables;
};

// Reads batches and collapses them; the next one, if it is wanted, while the one before is being
// written: on a target's machine the server and we take turns otherwise. Holds at most one batch
// beside the one handed out. Belongs to one thread; borrows the log's reader.
class BatchPrefetch {
 public:
  // `wanted`, `kept`: see Collapse; called on another thread.
  BatchPrefetch(LogReader& log, BatchReader::Limits limits, TablePredicate wanted,
                TablePredicate kept);

  // As BatchReader, whose errors come with the next Next; `again_before`: see SchemasOf.
  void Seek(Offset next, uint64_t frame_hash, BatchReader::End end, Offset again_before);
  std::optional<ReadyBatch> Next();
  bool finished() const { return !ready_ && !failure_ && batches_.finished(); }

  // Reads the next batch on a thread of its own as long as the result lives, whose end waits for
  // it; not when the log has nothing more now. In the meantime nobody may use the log's reader, nor
  // this object.
  [[nodiscard]] std::future<void> ReadAhead();

 private:
  std::optional<ReadyBatch> Read();

  LogReader& log_;
  const TablePredicate wanted_;
  const TablePredicate kept_;
  BatchReader batches_;
  Offset again_before_;
  Offset handed_out_;  // up to here
  std::optional<ReadyBatch> ready_;
  std::exception_ptr failure_;  // of reading ahead
};

}  // namespace syncline::apply
